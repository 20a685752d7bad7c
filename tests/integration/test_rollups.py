"""Rollups say what entries say, of whatever was stored, by whichever worker, until it is deleted."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.caller import Caller
from explore.query import parse
from foundation import faults
from foundation.levels import BY_NAME
from foundation.postgres import execute, fetch_all
from ingest.models import DrainClaim, SpooledBatch
from ingest.spool import dead_letters, table
from ingest.spool.drain import TAKE_APART_AFTER, drain
from operations.doctor import pipeline
from operations.verification import verify
from quotas.models import Plan, Quota
from storage import receipts, retention, rollups, unrolled
from storage.batch import Batch
from storage.models import EventMinute, Minute, Receipt, RollupDay, UnrolledDay
from storage.postgres import partitions, rolled
from storage.search import FIRST_MOMENT, LAST_MOMENT, Search, received_from
from storage.store import store
from storage.tally import Tally
from tests.contract.batches import batch_of
from tests.integration.spool_rows import part_of, retry_at_once, spool_raw

#: Whoever counts reads on a connection of its own; what only writes is rolled back, which costs less.
counting = pytest.mark.django_db(transaction=True, databases=["default", "reads"])
writing = pytest.mark.django_db

NOON = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC) + timedelta(hours=12)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
#: As a worker writes it that does not know of rollups.
RECEIPT_OF_BEFORE = """
INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, entries, size_bytes)
VALUES (%s, %s, 1, %s, %s, %s, %s)
"""


def keep(*batches: Batch) -> None:
    """Store batches as a worker does."""
    with transaction.atomic():
        tally = store().writer.write(batches)
        receipts.write(batches)
        rollups.write(tally)


def keep_as_before(*batches: Batch) -> None:
    """Store batches as a worker does that does not know of rollups."""
    with transaction.atomic():
        store().writer.write(batches)
        for one in batches:
            execute(
                RECEIPT_OF_BEFORE,
                [one.batch_id, one.organisation_id, one.period, one.received_at, len(one.lines), one.size_bytes],
            )


def everything(organisation_id: int, query: str = "") -> Search:
    return Search(organisation_id, parse(query), FIRST_MOMENT, LAST_MOMENT)


def count(search: Search, *, step: timedelta = HOUR) -> dict[tuple[datetime, int], int]:
    counts = store().reader.level_counts(search, step=step)
    return {(one.start, one.level): one.count for one in counts}


def counted(search: Search, *, step: timedelta = HOUR) -> dict[tuple[datetime, int], int]:
    """As `count`, from entries."""
    told = list(RollupDay.objects.values_list("organisation_id", "day", "event_minutes"))
    RollupDay.objects.update(event_minutes=None)
    try:
        return count(search, step=step)
    finally:
        for organisation_id, day, event_minutes in told:
            RollupDay.objects.filter(organisation_id=organisation_id, day=day).update(event_minutes=event_minutes)


def findings() -> list[rollups.Unequal]:
    return [one for day in rollups.days() for one in rollups.unequal(day)]


def without_entries(organisation_id: int, query: str = "") -> int:
    """Return how many entries are counted while there are none: those that rollups tell of."""
    execute("UPDATE storage_entry SET organisation_id = -organisation_id")
    entries = sum(count(everything(organisation_id, query)).values())
    execute("UPDATE storage_entry SET organisation_id = -organisation_id")
    return entries


moments = st.integers(-3 * 86_400, 86_400).map(lambda seconds: NOON + seconds * SECOND)
edges = st.one_of(moments, moments.map(lambda moment: moment.replace(second=0)))
entries_sent = st.lists(
    st.fixed_dictionaries(
        {"timestamp": moments, "level": st.sampled_from(["debug", "info", "error"])},
        optional={"project_id": st.sampled_from(["shop", "billing", "…"]), "environment": st.sampled_from(["a", "b"])},
    ),
    min_size=1,
    max_size=12,
)


def matches(search: Search, entry: dict[str, Any]) -> bool:
    wanted = rolled.levels(search.query)
    return search.start <= entry["timestamp"] < search.end and (wanted is None or BY_NAME[entry["level"]] in wanted)


@counting
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.tuples(st.integers(-2, 0), entries_sent), min_size=1, max_size=5),
    untold=st.sets(st.integers(-2, 0), max_size=2),
    edge=st.tuples(edges, edges),
    step=st.sampled_from([SECOND, MINUTE, 90 * SECOND, 5 * MINUTE, HOUR, 7 * DAY]),
    query=st.sampled_from(["", "level:error", "level:>=info", "NOT level:info", "level:debug OR level:error", "hello"]),
)
def test_what_rollups_say_is_what_entries_say(
    new_organisation: Callable[[], int],
    batches: list[tuple[int, list[dict[str, Any]]]],
    untold: set[int],
    edge: tuple[datetime, datetime],
    step: timedelta,
    query: str,
) -> None:
    organisation_id = new_organisation()
    partitions.make({(NOON + days * DAY).date() for days in range(-2, 1)})
    for days, entries in batches:
        keep(batch_of(*entries, organisation_id=organisation_id, received_at=NOON + days * DAY))
    days_untold = [(NOON + days * DAY).date() for days in untold]
    RollupDay.objects.filter(organisation_id=organisation_id, day__in=days_untold).update(event_minutes=None)
    search = Search(organisation_id, parse(query), min(edge), max(edge))

    counts = count(search, step=step)

    assert counts == counted(search, step=step)
    assert sum(counts.values()) == sum(
        matches(search, entry)
        for days, entries in batches
        for entry in entries
        if NOON + days * DAY >= received_from(search.start)
    )
    assert findings() == []


@pytest.fixture(scope="session")
def new_organisation() -> Callable[[], int]:
    """Return a function that makes ids of organisations of which nothing is stored."""
    return iter(range(5_000, 10_000)).__next__


@pytest.fixture
def organisation_id(new_organisation: Callable[[], int]) -> int:
    return new_organisation()


@counting
def test_whole_minutes_are_counted_without_a_look_at_the_entries(organisation_id: int) -> None:
    keep(batch_of({}, {}, {"timestamp": "0001-01-01T00:00:00Z"}, organisation_id=organisation_id))
    for query in ("", "level:info", "NOT level:error"):
        assert without_entries(organisation_id, query) == 3
    for query in ("hello", "project:shop", "level:info environment:production"):  # no rollup knows
        assert sum(count(everything(organisation_id, query)).values()) == 3
        assert without_entries(organisation_id, query) == 0


@counting
def test_ends_within_a_minute_are_exact(organisation_id: int) -> None:
    times = [NOON + seconds * SECOND for seconds in range(0, 300, 10)]
    keep(batch_of(*({"timestamp": at} for at in times), organisation_id=organisation_id))
    search = Search(organisation_id, parse(""), NOON + 25 * SECOND, NOON + 205 * SECOND)
    assert sum(count(search, step=MINUTE).values()) == 18


@counting
def test_years_at_both_ends_of_time_have_their_minutes(organisation_id: int) -> None:
    ends = [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "9999-12-31T23:58:59.999999Z",
        "9999-12-31T23:59:59Z",
    ]
    keep(batch_of(*({"timestamp": at} for at in ends), organisation_id=organisation_id))
    assert count(everything(organisation_id), step=MINUTE) == counted(everything(organisation_id), step=MINUTE)
    assert EventMinute.objects.filter(organisation_id=organisation_id).count() == 4


@writing
def test_minutes_of_receipt_are_counted_by_project_environment_and_level(organisation_id: int) -> None:
    batch = batch_of(
        {}, {}, {"level": "error"}, {"project_id": "billing", "environment": "staging"}, organisation_id=organisation_id
    )
    keep(batch)
    keep(batch_of({}, organisation_id=organisation_id))
    rows = Minute.objects.filter(organisation_id=organisation_id, minute=batch.received_at.replace(second=0))
    assert set(rows.values_list("project", "environment", "level", "entries")) == {
        ("shop", "production", 20, 3),
        ("shop", "production", 40, 1),
        ("billing", "staging", 20, 1),
    }


@writing
def test_more_than_200_pairs_a_day_are_counted_as_others(organisation_id: int) -> None:
    for first in (0, 100):  # the second batch has 50 of the first one's, and 100 others
        pairs = [{"project_id": f"p{n % 25}", "environment": f"e{n // 25}"} for n in range(first, first + 150)]
        keep(batch_of(*pairs, *pairs[:10], organisation_id=organisation_id))
    rows = Minute.objects.filter(organisation_id=organisation_id)
    assert rows.values("project", "environment").distinct().count() == rollups.MOST_PAIRS + 1
    others = rows.filter(project=rollups.OTHERS, environment=rollups.OTHERS)
    assert sum(others.values_list("entries", flat=True)) == 50
    keep(batch_of({"project_id": "p0", "environment": "e0"}, {"project_id": "new"}, organisation_id=organisation_id))
    assert sum(others.values_list("entries", flat=True)) == 51
    assert sum(rows.filter(project="p0", environment="e0").values_list("entries", flat=True)) == 3
    assert findings() == []


def tally_of(organisation_id: int, minutes: Sequence[datetime], *, entries: int = 1) -> Tally:
    tally = Tally()
    counts = Counter({(f"{at:%Y-%m-%dT%H:%M}".encode(), 20, "shop", "production"): entries for at in minutes})
    tally.of(organisation_id, NOON).update(counts)
    return tally


@counting
def test_day_of_more_than_20000_minutes_is_counted_from_entries(organisation_id: int) -> None:
    minutes = [NOON - n * MINUTE for n in range(rollups.MOST_EVENT_MINUTES)]
    rows = EventMinute.objects.filter(organisation_id=organisation_id)
    rollups.write(tally_of(organisation_id, minutes))
    rollups.write(tally_of(organisation_id, minutes[:10]))
    assert (rows.count(), RollupDay.objects.get(organisation_id=organisation_id).event_minutes) == (20_000, 20_000)

    rollups.write(tally_of(organisation_id, [minutes[0], NOON + MINUTE]))
    assert rows.count() <= 20_000
    assert RollupDay.objects.get(organisation_id=organisation_id).event_minutes is None
    keep(batch_of({}, organisation_id=organisation_id, received_at=NOON))
    assert sum(count(everything(organisation_id)).values()) == 1

    rollups.sweep()
    assert not rows.exists()


@writing
def test_what_is_taken_back_is_subtracted(organisation_id: int) -> None:
    keep(batch_of({"timestamp": NOON}, {"timestamp": NOON}, organisation_id=organisation_id, received_at=NOON))
    rollups.write(tally_of(organisation_id, [NOON], entries=-1))
    assert EventMinute.objects.get(organisation_id=organisation_id).entries == 1
    assert Minute.objects.get(organisation_id=organisation_id).entries == 1


@counting
def test_day_into_which_an_older_worker_wrote_is_trusted_once_that_is_rolled_up(organisation_id: int) -> None:
    keep(batch_of({}, organisation_id=organisation_id))
    keep_as_before(batch_of({"level": "error"}, {}, organisation_id=organisation_id))
    before = count(everything(organisation_id))
    assert sum(before.values()) == 3
    assert without_entries(organisation_id) == 0
    assert unrolled.has_strays()

    assert unrolled.roll_up(budget_seconds=60) == 1

    assert not unrolled.has_strays()
    assert count(everything(organisation_id)) == before
    assert findings() == []
    assert without_entries(organisation_id) == 3


def store_before_rollups(*batches: Batch) -> None:
    """Leave what an upgrade finds: receipts that know nothing of rollups, and their days."""
    keep_as_before(*batches)
    Receipt.objects.update(is_rolled_up=None)
    UnrolledDay.objects.bulk_create([UnrolledDay(day=day) for day in {one.received_at.date() for one in batches}])


@counting
def test_days_of_before_are_rolled_up_step_by_step(organisation_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unrolled, "STEP_BATCHES", 2)
    partitions.make({(NOON - DAY).date()})
    times = [NOON - DAY] * 5 + [NOON] * 3
    store_before_rollups(
        *(batch_of({}, {"level": "error"}, organisation_id=organisation_id, received_at=at) for at in times)
    )
    keep(batch_of({}, organisation_id=organisation_id, received_at=NOON))
    before = count(everything(organisation_id))
    assert sum(before.values()) == 17
    assert without_entries(organisation_id) == 0

    assert unrolled.roll_up(budget_seconds=0) == 0
    with transaction.atomic():
        assert unrolled._roll_up_day(NOON.date()) == 2  # whoever did this was stopped then
    assert count(everything(organisation_id)) == before
    assert findings() == []

    assert unrolled.roll_up(budget_seconds=60) == len(times) - 2
    assert unrolled.days() == []
    assert count(everything(organisation_id)) == before
    assert findings() == []
    assert without_entries(organisation_id) == 17
    assert unrolled.roll_up(budget_seconds=60) == 0


@writing
def test_doctor_says_what_is_not_rolled_up(organisation_id: int) -> None:
    assert [finding.level for finding in pipeline._rollups()] == ["ok"]
    keep_as_before(batch_of({}, organisation_id=organisation_id))
    assert ["older worker" in finding.what for finding in pipeline._rollups()] == [True]
    UnrolledDay.objects.create(day=NOON.date())
    assert ["1 days of before" in finding.what for finding in pipeline._rollups()] == [True]


@counting
def test_batch_of_before_that_is_not_whole_leaves_its_day_to_the_entries(organisation_id: int) -> None:
    store_before_rollups(*(batch_of({}, {}, organisation_id=organisation_id) for _ in range(2)))
    execute("DELETE FROM storage_entry WHERE id = (SELECT min(id) FROM storage_entry)")
    unrolled.roll_up(budget_seconds=60)
    assert RollupDay.objects.get(organisation_id=organisation_id).event_minutes is None
    assert sum(count(everything(organisation_id)).values()) == 3


@counting
def test_retention_takes_the_minutes_of_events_and_leaves_those_of_receipt(caller: Caller) -> None:
    organisation_id, old = caller.organisation_id, NOON - 5 * DAY
    partitions.make({old.date()})
    keep(
        batch_of({}, {}, organisation_id=organisation_id, received_at=old),
        batch_of({}, organisation_id=organisation_id),
    )
    Quota.objects.filter(organisation_id=organisation_id).update(retention_days=3)

    assert [deletion.entries for deletion in retention.delete_expired()] == [2]
    assert sum(count(everything(organisation_id)).values()) == 1
    rollups.sweep()

    assert list(EventMinute.objects.values_list("day", flat=True)) == [NOON.date()]
    assert set(Minute.objects.values_list("minute__date", "entries")) == {(old.date(), 2), (NOON.date(), 1)}
    assert findings() == []
    late = batch_of({}, organisation_id=organisation_id, received_at=old)
    keep(late)  # it had waited in the spool
    assert sum(count(everything(organisation_id)).values()) == 2
    assert findings() == []


@counting
def test_dropped_day_takes_the_minutes_of_events_along(caller: Caller) -> None:
    Plan.objects.update(retention_days=3)
    Quota.objects.update(retention_days=3)
    old = NOON - 5 * DAY
    partitions.make({old.date()})
    keep(batch_of({}, organisation_id=caller.organisation_id, received_at=old))

    assert retention.drop_expired() >= 1
    rollups.sweep()

    assert not EventMinute.objects.exists()
    assert Minute.objects.count() == 1
    assert count(everything(caller.organisation_id)) == {}
    assert findings() == []


@writing
def test_minutes_of_receipt_go_after_32_days(organisation_id: int) -> None:
    for age in (31, 34):
        partitions.make({(NOON - age * DAY).date()})
        keep(batch_of({}, organisation_id=organisation_id, received_at=NOON - age * DAY))
    rollups.distrust(before=(NOON - 33 * DAY).date())
    rollups.sweep()
    assert list(Minute.objects.values_list("minute__date", flat=True)) == [(NOON - 31 * DAY).date()]
    assert list(RollupDay.objects.values_list("day", flat=True)) == [(NOON - 31 * DAY).date()]
    assert findings() == []


@counting
def test_poison_that_is_taken_apart_and_replayed_is_counted_once(caller: Caller) -> None:
    nul = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"bad \\u0000"}'
    good = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"good"}'
    spool_raw(caller, good, nul, good)
    for _ in range(TAKE_APART_AFTER + 1):
        drain()
        retry_at_once()
    [letter] = fetch_all("SELECT id FROM ingest_deadletter")
    assert verify() == []
    dead_letters.replay(letter)
    drain()
    table.accept(caller, [part_of("fine")])
    drain()
    assert verify() == []
    assert SpooledBatch.objects.count() == 1
    assert without_entries(caller.organisation_id) == 3


@counting
@pytest.mark.parametrize(("point", "stored"), [("before_drain_commit", 0), ("after_drain_commit", 1)])
def test_worker_that_dies_beside_its_commit_has_counted_what_it_has_stored(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, stored: int
) -> None:
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(faults, "_rules", faults.read_rules(f"{point}=bug:n1"))
    table.accept(caller, [part_of("one", "two")])
    with pytest.raises(faults.InjectedError):
        drain()
    assert Receipt.objects.count() == stored
    assert RollupDay.objects.count() == stored
    assert verify() == []
    DrainClaim.objects.all().delete()


@writing
@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE storage_event_minute SET entries = entries + 1",
        "DELETE FROM storage_event_minute",
        "UPDATE storage_rollup_day SET event_minutes = event_minutes + 1",
        "UPDATE storage_minute SET entries = entries + 1",
        "DELETE FROM storage_minute",
        "UPDATE storage_minute SET minute = minute + interval '1 minute'",
        "UPDATE storage_receipt SET is_rolled_up = false",
    ],
)
def test_rollup_that_says_something_else_is_found(organisation_id: int, corruption: str) -> None:
    keep(batch_of({}, {}, organisation_id=organisation_id))
    assert findings() == []
    execute(corruption)
    assert {one.organisation_id for one in findings()} == {organisation_id}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", BY_NAME),
        ("level:error", {"error"}),
        ("level:>=warn", {"warn", "error", "fatal", "panic"}),
        ("NOT level:>=warn", {"debug", "info"}),
        ("level:debug OR level:info", {"debug", "info"}),
        ("level:>=info level:<=warn", {"info", "warn"}),
        ("level:debug level:error", set()),
    ],
)
def test_levels_of_a_search_for_nothing_else(query: str, names: Any) -> None:
    assert rolled.levels(parse(query)) == frozenset(BY_NAME[name] for name in names)


@pytest.mark.parametrize("query", ["hello", "level:error hello", "level:error OR project:shop", "NOT key:value"])
def test_search_for_anything_else_has_no_levels(query: str) -> None:
    assert rolled.levels(parse(query)) is None
