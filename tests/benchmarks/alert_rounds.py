"""Rules over entries that keep coming: what a look at all of them costs, and what it costs others meanwhile."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count, cycle, islice
from typing import Any, NamedTuple

from accounts.models import Organisation
from alerts import changing, looking
from alerts.changing import Actor
from alerts.models import Incident, Rule
from embedded.postgres import EmbeddedPostgres
from explore.query import parse
from foundation.postgres import current_time
from ingest import doors
from ingest.spool import table
from ingest.spool.drain import drain
from storage.search import Search
from storage.store import store
from tests.benchmarks import drain_rounds, paper
from tests.benchmarks.drain_rounds import cpu_seconds

#: Of entries that come: so many in a batch, a second, and between two looks.
BATCH, A_SECOND, SECONDS = 100, 2_000, 10
#: Organisations that have rules; of an organisation's rules, one in so many searches.
OWNERS, ONE_SEARCHES = 4, 5
FILLED_AT_ONCE = 1_000
SEARCHES = (
    "orders user_id:user-{}*",
    "level:error duration_ms:>{}",
    "region:eu-* answered {}",
    '"answered 404" -user-{}',
)
COUNTED: tuple[dict[str, Any], ...] = (
    {"severity": 40, "count_threshold": 500},
    {"severity": 40, "count_threshold": 20_000, "project": "shop"},
    {"error_type": "Payment*", "count_threshold": 30, "time_window_minutes": 15},
    {"kind": "ratio", "ratio_percent": 50, "count_threshold": 100, "group_by": "project"},
    {"kind": "spike", "count_threshold": 100},
    {"kind": "absence", "time_window_minutes": 30, "group_by": "environment"},
    {"severity": 40, "count_threshold": 100, "group_by": "group", "time_window_minutes": 60},
    {"severity": 30, "count_threshold": 10**6, "time_window_minutes": 60, "environment": "production"},
)
#: What users ask meanwhile, of the newest day.
ASKED = ("answered 404", "user_id:user-4711", "level:error duration_ms:>2990", "nothing_says_this")


class Pace(NamedTuple):
    """In some seconds: searches a second of searching, and entries stored a second of storing."""

    searches: float
    entries: float


def prepare(*, entries: int, rules: int) -> None:
    """Fill the store, then make the rules: they look at what comes from then on."""
    drain_rounds.prepare()
    parts = drain_rounds.parts_of(BATCH)
    for _ in range(0, entries, FILLED_AT_ONCE * BATCH):
        drain_rounds.fill(parts, batches=FILLED_AT_ONCE)
        drain()
    for owner in owners():
        for number, fields in enumerate(islice(_rules(), rules // OWNERS)):
            changing.create(Rule(organisation=owner, rule_name=f"Rule {number}", **fields), by=Actor())
    look()


def owners() -> list[Organisation]:
    """Return the organisations that have rules."""
    return list(Organisation.objects.order_by("pk")[:OWNERS])


def look() -> None:
    """Look at all rules, while entries are taken in."""
    doors.note_open()
    assert looking.look(), "somebody else looks"


def costs(server: EmbeddedPostgres, *, rounds: int) -> list[float]:
    """Return the CPU seconds of each of some looks, between which as much came as comes in that time."""
    parts, found = drain_rounds.parts_of(BATCH), []
    for _ in range(rounds + 1):  # the first one warms up
        come(parts, seconds=SECONDS)
        found.append(cpu_seconds(server, look))
    return found[1:]


def come(parts: list[table.Part], *, seconds: int) -> float:
    """Have as many entries come as in so many seconds, and be stored; return how long storing took."""
    drain_rounds.fill(parts, batches=A_SECOND * seconds // BATCH)
    began = time.monotonic()
    drain()
    return time.monotonic() - began


def others(parts: list[table.Part], *, seconds: int) -> Pace:
    """Store what comes, and search in the time that is left, for some seconds."""
    asked, owner = cycle(ASKED), owners()[0]
    stored, searched, searching, began = 0.0, 0, 0.0, time.monotonic()
    for second in range(1, seconds + 1):
        stored += come(parts, seconds=1)
        while time.monotonic() < began + second:
            started = time.monotonic()
            _search(owner.pk, next(asked))
            searched, searching = searched + 1, searching + time.monotonic() - started
    return Pace(searched / searching if searching else 0.0, seconds * A_SECOND / stored)


def ratios(switch: Callable[[bool], None], *, pairs: int) -> Pace:
    """Return how fast others are while `switch` has somebody look, as parts of how fast they are without; medians."""
    parts, found = drain_rounds.parts_of(BATCH), []
    others(parts, seconds=2)
    for number in range(pairs):
        paces = {}
        for is_on in (False, True) if number % 2 else (True, False):
            switch(is_on)
            paces[is_on] = others(parts, seconds=SECONDS)
            switch(False)
            look()  # what came without a look is nobody's burden later
        found.append(Pace(*(on / off for on, off in zip(paces[True], paces[False], strict=True))))
    return Pace(*(statistics.median(column) for column in zip(*found, strict=True)))


def table_of(looks: list[float], beside: Pace, *, entries: int, rules: int) -> str:
    """Return what was found, for docs/performance.md."""
    seconds = statistics.median(looks)
    rows = [
        ("CPU of a look at all rules", f"{seconds:.2f} s ({min(looks):.2f} to {max(looks):.2f})", "1 s at most"),
        ("searches of users beside looks ÷ without", f"{beside.searches:.2f}", "0.9 at least"),
        ("storing beside looks ÷ without", f"{beside.entries:.2f}", "0.98 at least"),
    ]
    are_open = Incident.objects.filter(closed_at=None).count()
    words = (
        f"{rules:,} rules, {rules // ONE_SEARCHES:,} of them searches, of {OWNERS} organisations; {entries:,} entries"
        f" before them, {A_SECOND:,} a second meanwhile, a look every {SECONDS} s; {are_open:,} incidents are open."
    )
    return f"{words}\n\n" + paper.table(("", "found", "goal"), rows)


def _search(organisation_id: int, query: str) -> None:
    now = current_time()
    search = Search(organisation_id, parse(query), now - timedelta(days=1), now + timedelta(minutes=1))
    store().reader.page(search, limit=100)


def _rules() -> Iterator[dict[str, Any]]:
    counted, searched, numbers = cycle(COUNTED), cycle(SEARCHES), count(1)
    for place in cycle(range(ONE_SEARCHES)):
        number = next(numbers)
        if place == 0:
            yield {"kind": "search", "query": next(searched).format(number), "count_threshold": 5_000}
        else:
            yield next(counted)
