"""Very many entries on their way from PostgreSQL to ClickHouse, under load: `make move N=1000000`.

Each entry follows from its number, and so does the answer to every question: it is asked again and again meanwhile.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from explore.query import parse
from foundation.levels import BY_NAME
from foundation.postgres import fetch_all
from storage import store as door
from storage.batch import Batch
from storage.clickhouse.keeper import Keeper
from storage.moving import mover
from storage.search import Search
from storage.store import Store
from tests.clickhouse.server import ForTests
from tests.contract.batches import NOW, batch_of, whole

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

ENTRIES = int(os.environ.get("LUMINALOG_MOVE_ENTRIES", "20000"))
OF_BATCH, DAYS = 1_000, 3
STEP = timedelta(milliseconds=50)
MINUTE = timedelta(minutes=1)
LEVELS = ("info", "warn", "info", "error", "debug")
#: How many entries a question is about.
RANGE = 2_000


def moment(number: int) -> datetime:
    """Return when an entry happened: later ones have greater numbers."""
    return NOW - timedelta(days=2) + number * STEP


def batches(organisation_id: int) -> Any:
    """Yield all entries, in batches that were received on several days in turns."""
    for first in range(0, ENTRIES, OF_BATCH):
        yield batch_of(
            *(
                {
                    "timestamp": moment(n),
                    "level": LEVELS[n % len(LEVELS)],
                    "message": f"entry {n} of many",
                    "metadata": {"n": n, "customer": {"id": n % 997}, "path": f"/checkout/{n % 31}"},
                }
                for n in range(first, min(first + OF_BATCH, ENTRIES))
            ),
            organisation_id=organisation_id,
            received_at=NOW - timedelta(days=first // OF_BATCH % DAYS),
        )


@dataclass
class Load:
    """What comes meanwhile, of another organisation: how much of it has been stored, and how much may be."""

    store: Store
    organisation_id: int
    begun: int = 0
    stored: int = 0
    wrong: list[str] = field(default_factory=list)

    def write(self) -> None:
        """Store one batch more."""
        lines = [{"message": f"live {self.stored + n}", "level": "info"} for n in range(100)]
        self.begun += len(lines)
        self.store.writer.write([batch_of(*lines, organisation_id=self.organisation_id)])
        self.stored += len(lines)

    def check(self) -> None:
        """Count what there is: no less than was stored before, no more than was begun after."""
        before = self.stored
        counts = self.store.reader.level_counts(whole(self.organisation_id), step=timedelta(days=1))
        found = sum(one.count for one in counts)
        if not before <= found <= self.begun:
            self.wrong.append(f"{found} live entries, of {before} to {self.begun}")


@dataclass
class Asker:
    """Asks what every entry's number answers; notes each answer that is another."""

    store: Store
    organisation_id: int
    rng: random.Random
    asked: int = 0
    wrong: list[str] = field(default_factory=list)

    def ask(self) -> None:
        """Ask a page, a needle and a histogram, anywhere."""
        first = self.rng.randrange(max(1, ENTRIES - RANGE))
        numbers = range(first, min(first + RANGE, ENTRIES))
        self._page(numbers)
        self._needle(self.rng.choice(numbers))
        self._histogram(numbers)

    def ask_of_all(self) -> None:
        """Count everything."""
        counts = self.store.reader.level_counts(whole(self.organisation_id), step=timedelta(days=1))
        self._compare("all", sum(one.count for one in counts), ENTRIES)

    def _page(self, numbers: range) -> None:
        page = self.store.reader.page(self._search(numbers), limit=100)
        self._compare("page", [one.message for one in page], [f"entry {n} of many" for n in numbers[::-1][:100]])

    def _needle(self, number: int) -> None:
        page = self.store.reader.page(whole(self.organisation_id, f"n:{number}"), limit=3)
        self._compare("needle", [one.message for one in page], [f"entry {number} of many"])

    def _histogram(self, numbers: range) -> None:
        counts = self.store.reader.level_counts(self._search(numbers), step=MINUTE)
        expected = Counter((_minute(n), BY_NAME[LEVELS[n % len(LEVELS)]]) for n in numbers)
        self._compare("histogram", {(one.start, one.level): one.count for one in counts}, expected)

    def _search(self, numbers: range) -> Search:
        return Search(self.organisation_id, parse(""), moment(numbers[0]), moment(numbers[-1] + 1))

    def _compare(self, what: str, found: object, expected: object) -> None:
        self.asked += 1
        if found != expected:
            self.wrong.append(f"{what}: {found} instead of {expected}"[:300])


def _minute(number: int) -> datetime:
    return moment(number).replace(second=0, microsecond=0)


def test_many_entries_move_under_load_and_every_answer_is_right(
    in_clickhouse: Store,
    clickhouse: ForTests,
    new_organisation: Callable[[], int],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Keeper, "fill_seconds", 0.0)
    if ENTRIES < mover.ENTRIES_AT_ONCE * DAYS:
        monkeypatch.setattr(mover, "ENTRIES_AT_ONCE", 2_000)
    owner, settings.STORE_URL = new_organisation(), ""
    door.store().days.make_ahead(1)
    for batch in batches(owner):
        _store(batch)
    settings.STORE_URL, settings.STORE_MOVES_FROM = clickhouse.url, "postgresql:"
    store = door.store()
    load, asker = Load(store, new_organisation()), Asker(store, owner, random.Random(20))

    asker.ask_of_all()
    began, ends = time.monotonic(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        beside = [pool.submit(_repeat, ends, load.write), pool.submit(_repeat, ends, asker.ask, load.check)]
        try:
            call_command("move_store")
        finally:
            ends.set()
        for one in beside:
            one.result()
    seconds = time.monotonic() - began
    asker.ask_of_all()
    load.check()

    print(
        f"\n{ENTRIES:,} entries of {DAYS} days moved in {seconds:.0f} s, {ENTRIES / seconds:,.0f} a second,"
        f" beside {load.stored:,} that came and {asker.asked:,} answers that were compared"
    )
    assert not asker.wrong
    assert not load.wrong
    assert asker.asked > 3
    assert load.stored
    assert fetch_all("SELECT count(*) FROM storage_entry") == [(0,)]
    moved = "SELECT count(), uniqExact(id), countIf(moved > 0) FROM entry"
    everything = ENTRIES + load.stored
    assert clickhouse.as_writer.rows(moved) == [(everything, everything, ENTRIES)]


def _store(batch: Batch) -> None:
    door.store().writer.write([batch])


def _repeat(ends: threading.Event, *what: Callable[[], None]) -> None:
    """Do all of it again and again, at least once, in a session of its own."""
    try:
        while True:
            for one in what:
                one()
            if ends.wait(0.01):
                return
    finally:
        connections.close_all()
