"""Entries on their way from PostgreSQL to ClickHouse: found once at every moment, whoever dies or is erased."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.caller import Caller
from explore.query import parse
from foundation import faults
from foundation.faults import InjectedError
from foundation.postgres import current_day, execute, fetch_all
from ingest.spool.drain import drain
from issues.erasing import take_back
from operations import metrics
from operations.doctor import log_store
from operations.doctor.finding import Severity
from operations.verification import verify
from storage import erasing
from storage import store as door
from storage.aggregates import Aggregate, Function, Member
from storage.clickhouse import keeper as keeping
from storage.clickhouse.keeper import Keeper
from storage.clickhouse.moved import Arrivals
from storage.models import Move
from storage.moving import mover
from storage.store import Store
from tests.clickhouse.server import ForTests
from tests.contract import memory
from tests.contract.batches import NOW, arrival_of, batch_of, whole
from tests.contract.test_drain import at_once
from tests.errors import failure, send
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

DAY = timedelta(days=1)
STORED = "SELECT count(), uniqExact(id), countIf(moved > 0) FROM entry"
POINTS = ("after_moved_write", "before_day_let_go", "before_move_commit")


@pytest.fixture(autouse=True)
def _begun(in_clickhouse: Store, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL is the store at first: see `switch`."""
    monkeypatch.setattr(Keeper, "fill_seconds", 0.0)
    monkeypatch.setattr(mover, "ENTRIES_AT_ONCE", 40)
    settings.STORE_URL = ""
    door.store().days.make_ahead(1)
    execute("TRUNCATE storage_entry, storage_logentry")  # days that other tests filled have pages until vacuumed


@pytest.fixture
def switch(settings: Any, clickhouse: ForTests) -> Callable[[], Store]:
    """Have entries be written to ClickHouse from now on."""

    def do() -> Store:
        settings.STORE_URL, settings.STORE_MOVES_FROM = clickhouse.url, "postgresql:"
        return door.store()

    return do


def moved(*options: str) -> str:
    said = StringIO()
    call_command("move_store", *options, stdout=said)
    return said.getvalue()


def arm(patch: pytest.MonkeyPatch, rules: str) -> None:
    patch.setattr(faults, "_rules", faults.read_rules(rules))


def fill(caller: Caller) -> int:
    """Store entries of two days in PostgreSQL; return how many those are."""
    send(caller, *({"message": f"old {n}", "metadata": {"n": n}} for n in range(50)), failure(message="old"))
    move_back(timedelta(days=1))
    send(caller, *({"message": f"new {n}", "metadata": {"n": n}} for n in range(60)))
    assert drain() == 2
    return 111


def test_entries_are_found_once_while_they_move_and_others_arrive(
    switch: Callable[[], Store], organisation_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What both stores answer as one, the store in memory answers: at each step of the move, and all along."""
    oracle = memory.open_store("")
    numbers = iter(range(10**6))

    def batch(days_ago: int) -> Any:
        entries = [
            {"timestamp": NOW - timedelta(seconds=n % 7), "level": ("info", "error")[n % 2], "metadata": {"n": n}}
            for n in (next(numbers) for _ in range(30))
        ]
        return batch_of(*entries, organisation_id=organisation_id, received_at=NOW - days_ago * DAY)

    batches = [batch(days_ago) for days_ago in (0, 1, 0, 1)]
    for one in batches:
        door.store().writer.write([one])
        oracle.writer.write([one])
    store, answers = switch(), []

    def compare() -> None:
        new = batch(0)
        store.writer.write([new])
        oracle.writer.write([new])
        answers.append([_asked(one, organisation_id, [*batches, new]) for one in (store, oracle)])

    def compare_beside() -> None:
        try:
            while not is_over.wait(0.01):
                compare()
        finally:
            connections.close_all()

    is_over = threading.Event()
    monkeypatch.setattr("storage.clickhouse.moved.reach", lambda _: compare())
    with ThreadPoolExecutor(1) as pool:
        compare()
        moved("--at-most=1")
        monkeypatch.setattr("storage.clickhouse.moved.reach", lambda _: None)
        beside = pool.submit(compare_beside)
        try:
            assert "All is moved" in moved()
        finally:
            is_over.set()
        beside.result()
    compare()
    assert len(answers) >= 4
    for both, expected in answers:
        assert both == expected
    assert fetch_all("SELECT count(*) FROM storage_entry") == [(0,)]


def _asked(store: Store, organisation_id: int, batches: list[Any]) -> list[Any]:
    """Ask all that a reader may be asked."""
    answers: list[Any] = []
    for query in ("", "level:error", "n:>20"):
        search, after = whole(organisation_id, query), None
        for newest_first in (True, False):
            found: list[Any] = []
            while page := store.reader.page(search, limit=37, after=after, newest_first=newest_first):
                found += [(one.id, one.message, bytes(one.metadata or b"")) for one in page]
                after = page[-1].position
            answers.append(found)
            after = None
        counts = store.reader.level_counts(search, step=timedelta(seconds=2))
        answers.append(sorted((one.start, one.level, one.count) for one in counts))
        figures = store.reader.aggregate(search, Aggregate(Function.COUNT, by=((Member("metadata", "n"),),)))
        answers.append(figures)
        answers.append(store.reader.messages(search, among=50, most_characters=9, seconds=30))
    arrivals = [arrival_of(one) for one in batches]
    found_in = store.reader.found_in(arrivals, [parse("level:error")], seconds=30)
    answers.append(sorted((one.batch_id, one.counts) for one in found_in))
    answers.append([[one.id for one in store.reader.batch(arrival)] for arrival in arrivals])
    return answers


def test_move_goes_on_where_it_was_interrupted(
    caller: Caller, switch: Callable[[], Store], clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    entries = fill(caller)
    assert verify(wait=at_once) == []
    store = switch()
    assert "2 days still" in moved("--status")
    stranger = [(caller.organisation_id, one) for one in store.reader.page(whole(caller.organisation_id), limit=1)]
    Arrivals(clickhouse.as_writer, run=7, day=NOW.date()).write(stranger)  # of a run from before a restore
    for point in POINTS:
        arm(monkeypatch, f"{point}=bug:n1")
        with pytest.raises(InjectedError):
            moved()
        assert verify(wait=at_once) == []
    arm(monkeypatch, "")
    moved()
    assert clickhouse.as_writer.rows(STORED) == [(entries, entries, entries)]
    assert [run.is_over for run in Move.objects.all()] == [True, True]
    assert verify(wait=at_once) == []
    send(caller, {"message": "later"})
    assert drain() == 1
    assert "All is moved" in moved("--status")
    assert len(door.store().reader.page(whole(caller.organisation_id), limit=1000)) == entries + 1


def test_day_of_which_somebody_is_erased_on_the_way_is_brought_anew(
    caller: Caller, switch: Callable[[], Store], clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Before and after: the person is found where the entries are, and gone from both."""
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(keeping, "CLOCKS_APART_SECONDS", -keeping.DEADLINE_SECONDS - 1)
    entries = fill(caller)
    store = switch()
    arm(monkeypatch, "before_day_let_go=bug:n1")
    with pytest.raises(InjectedError):
        moved()
    arm(monkeypatch, "")

    erased = 0
    for query in ('"old 7"', '"new 8"'):
        asked = parse(query)
        places = [
            place
            for days in (0, 1)
            for place in store.eraser.holding(caller.organisation_id, asked, day=current_day() - days * DAY)
        ]
        assert len(places) == 1
        taken = erasing.erase(
            caller.organisation_id, places, asked, fits=lambda _: True, uncount=take_back, note=lambda _: None
        )
        erased += taken.entries
        moved()
    assert erased == 2
    left = entries - erased
    assert clickhouse.as_writer.rows(STORED) == [(left, left, left)]
    assert verify(wait=at_once) == []


def test_day_that_was_half_moved_begins_anew_after_a_restore(
    caller: Caller, switch: Callable[[], Store], clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A ClickHouse of a backup has what was brought, and knows no token by which it would not be brought twice."""
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(keeping, "CLOCKS_APART_SECONDS", -keeping.DEADLINE_SECONDS - 1)
    entries = fill(caller)
    switch()
    arm(monkeypatch, "after_moved_write=bug:n1")
    with pytest.raises(InjectedError):
        moved()
    arm(monkeypatch, "")

    mover.take_back_all()

    assert clickhouse.as_writer.rows(STORED) == [(0, 0, 0)]
    assert not Move.objects.exists()
    moved()
    assert clickhouse.as_writer.rows(STORED) == [(entries, entries, entries)]


def test_operators_are_told_how_a_move_stands(
    caller: Caller, switch: Callable[[], Store], settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    fill(caller)
    switch()
    assert told_of_a_move() == (Severity.WARNING, "2 days of entries are in PostgreSQL, and nobody moves them.")
    assert scraped("move_left_days", "move_unfinished_days", "moved_seconds") == [2, 0, -1]
    arm(monkeypatch, "after_moved_write=bug:n1")
    with pytest.raises(InjectedError):
        moved()
    level, what = told_of_a_move()
    assert (level, what.partition(":")[0]) == (Severity.WARNING, "A day was begun, and nobody moves it")
    assert scraped("move_left_days", "move_unfinished_days", "move_running") == [2, 1, 0]
    with mover.turn():
        assert told_of_a_move()[0] is Severity.OK
        assert scraped("move_running") == [1]
    settings.STORE_MOVES_FROM = ""
    assert told_of_a_move() == (Severity.ERROR, "2 days of entries are in PostgreSQL, where nobody finds them.")
    settings.STORE_MOVES_FROM = "postgresql:"
    arm(monkeypatch, "")
    moved()
    assert told_of_a_move() == (Severity.WARNING, "Nothing is left to move.")
    left, unfinished, since = scraped("move_left_days", "move_unfinished_days", "moved_seconds")
    assert (left, unfinished) == (0, 0)
    assert since >= 0


def told_of_a_move() -> tuple[Severity, str]:
    """Return what the doctor says of it."""
    [finding] = [one for one in log_store.examine() if one.subject == "move"]
    return finding.level, finding.what


def scraped(*names: str) -> list[float]:
    """Return what a scrape says by these names."""
    said = dict(line.rsplit(" ", 1) for line in metrics.exposition().decode().splitlines() if line[:1] != "#")
    return [float(said[f"luminalog_{name}"]) for name in names]


def test_only_one_moves_and_only_where_it_is_said_from_where(
    caller: Caller, settings: Any, switch: Callable[[], Store]
) -> None:
    fill(caller)
    with pytest.raises(CommandError, match="STORE_MOVES_FROM"):
        moved()
    switch()
    with ThreadPoolExecutor(1) as pool, mover.turn(), pytest.raises(CommandError, match="somebody else moves"):
        pool.submit(_moved_elsewhere).result()
    settings.STORE_URL = ""
    with pytest.raises(Exception, match="beside a STORE_URL of clickhouse"):
        door.store()


def _moved_elsewhere() -> str:
    try:
        return moved()
    finally:
        connections.close_all()
