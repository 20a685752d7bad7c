"""What is read from a store: in order, without gaps, and of one organisation only."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from explore.search import get
from foundation.errors import as_refusal
from storage.clickhouse.entries import Entries
from storage.clickhouse.reading import Asking, reading
from storage.clickhouse.shown import ALL_SHOWN
from storage.errors import Unavailable
from storage.found import FoundEntry, Sampled
from storage.search import FIRST_MOMENT, LAST_MOMENT, LevelCount, Search
from storage.store import Store
from storage.store import store as open_store
from storage.wall import ALIAS, State
from tests.contract.batches import NOW, around_now, arrival_of, batch_of
from tests.patience import locks_in_time
from tests.processes import database_url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("query", ["", "level:info", "n:>=0"])
def test_pages_leave_no_gap_where_timestamps_are_equal(
    store: Store, organisation_id: int, newest_first: bool, query: str
) -> None:
    for moment in (NOW, NOW + SECOND, NOW - timedelta(microseconds=1)):
        store.writer.write(
            [
                batch_of(
                    *({"timestamp": moment, "metadata": {"n": n}} for n in range(5)), organisation_id=organisation_id
                )
            ]
        )
    seen: list[FoundEntry] = []
    after = None
    while page := store.reader.page(
        around_now(organisation_id, query), limit=2, after=after, newest_first=newest_first
    ):
        seen += page
        after = page[-1].position

    assert [one.position for one in seen] == sorted((one.position for one in seen), reverse=newest_first)
    assert len({one.id for one in seen}) == len(seen) == 15


@pytest.mark.parametrize("query", ["", "n:>=0"])
def test_clickhouse_is_not_asked_for_more_than_there_is(
    in_clickhouse: Store, organisation_id: int, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    in_clickhouse.days.make_ahead(0)
    entries = [{"timestamp": NOW + n * SECOND, "metadata": {"n": n}} for n in range(5)]
    in_clickhouse.writer.write([batch_of(*entries, organisation_id=organisation_id)])
    asked: list[str] = []
    ask = Asking.rows

    def rows(self: Asking, sql: str, values: Mapping[str, Any]) -> list[Any]:
        asked.append(sql)
        return ask(self, sql, values)

    monkeypatch.setattr(Asking, "rows", rows)
    search = around_now(organisation_id, query)
    for limit, expected in ((100, 5), (4, 4)):
        asked.clear()
        assert len(in_clickhouse.reader.page(search, limit=limit)) == expected
        assert len(asked) == 1
    with reading(in_clickhouse.reader._server, organisation_id) as one:  # type: ignore[attr-defined]
        found = Entries(one, organisation_id, str.lower, ALL_SHOWN)
        for most_bytes, statements in ((10**6, 1), (1, 6)):  # nobody knows of a page that its bytes end
            asked.clear()
            assert len(list(found.found(search, rows=6, most_bytes=most_bytes))) == 5
            assert len(asked) == statements
    counts = in_clickhouse.reader.level_counts(search, step=timedelta(hours=1))
    assert sum(one.count for one in counts) == 5
    assert len(asked) == 7


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("query", ["", "n:>=0"])
def test_page_of_large_entries_ends_by_their_bytes(
    store: Store, organisation_id: int, newest_first: bool, query: str
) -> None:
    lists: list[list[list[int]]] = [[[]] * 3_000, []] * 4
    entries = [{"timestamp": NOW + n * SECOND, "metadata": {"n": n, "l": lists[n]}} for n in range(8)]
    store.writer.write([batch_of(*entries, organisation_id=organisation_id)])
    search, most_bytes = around_now(organisation_id, query), 20_000
    seen: list[FoundEntry] = []
    after, goes_on = None, True
    while goes_on:
        page = store.reader.page(search, limit=8, most_bytes=most_bytes, after=after, newest_first=newest_first)
        assert 1 <= len(page) <= 5
        assert sum(len(one.metadata or b"") for one in page) <= most_bytes
        seen += page
        after, goes_on = page[-1].position, page.goes_on
    assert len({one.id for one in seen}) == len(seen) == 8


def test_one_entry_is_a_page_however_large_it_is(store: Store, organisation_id: int) -> None:
    batch = batch_of({"message": "x" * 9_000}, {"message": "y"}, organisation_id=organisation_id)
    store.writer.write([batch])
    first = store.reader.batch(arrival_of(batch), most_bytes=100)
    assert ([len(one.message) for one in first], first.goes_on) == ([9_000], True)
    rest = store.reader.batch(arrival_of(batch), after=first[0].id, most_bytes=100)
    assert ([one.message for one in rest], rest.goes_on) == (["y"], False)


def test_range_includes_its_start_and_not_its_end(store: Store, organisation_id: int) -> None:
    times = [NOW, NOW + SECOND, NOW + 2 * SECOND]
    store.writer.write([batch_of(*({"timestamp": time} for time in times), organisation_id=organisation_id)])
    search = Search(organisation_id, around_now(organisation_id).query, times[0], times[2])
    assert [one.timestamp for one in store.reader.page(search, limit=10)] == [times[1], times[0]]
    assert sum(count.count for count in store.reader.level_counts(search, step=SECOND)) == 2


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("query", ["", "level:info"])
def test_all_of_time_has_a_beginning_and_an_end(
    store: Store, organisation_id: int, query: str, newest_first: bool
) -> None:
    times = [FIRST_MOMENT, NOW, LAST_MOMENT - timedelta(microseconds=1), LAST_MOMENT, LAST_MOMENT]
    store.writer.write([batch_of(*({"timestamp": time} for time in times), organisation_id=organisation_id)])
    search = Search(organisation_id, around_now(organisation_id, query).query, FIRST_MOMENT, LAST_MOMENT)
    seen: list[FoundEntry] = []
    after = None
    while page := store.reader.page(search, limit=1, after=after, newest_first=newest_first):
        seen += page
        after = page[-1].position
    assert [one.timestamp for one in seen] == sorted(times, reverse=newest_first)
    assert sum(count.count for count in store.reader.level_counts(search, step=timedelta(days=3650))) == len(times)


def test_one_entry_is_found_by_its_id(store: Store, organisation_id: int) -> None:
    batch = batch_of({"message": "zero"}, {"message": "one"}, organisation_id=organisation_id)
    store.writer.write([batch])
    found = store.reader.entry(organisation_id, batch.batch_id * 1024 + 1)
    assert found
    assert found.message == "one"
    assert store.reader.entry(organisation_id, batch.batch_id * 1024 + 2) is None


def test_rest_of_a_batch_comes_in_the_order_of_ids(store: Store, organisation_id: int) -> None:
    batch = batch_of(*({"timestamp": NOW - n * SECOND} for n in range(4)), organisation_id=organisation_id)
    store.writer.write([batch])
    first = batch.batch_id * 1024
    assert [one.id for one in store.reader.batch(arrival_of(batch))] == [first, first + 1, first + 2, first + 3]
    assert [one.id for one in store.reader.batch(arrival_of(batch), after=first + 1)] == [first + 2, first + 3]
    assert store.reader.batch(arrival_of(batch), after=first + 1023) == []


def test_counts_are_by_level_and_step(store: Store, organisation_id: int) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    entries = [
        {"timestamp": at, "level": "info"},
        {"timestamp": at + 59 * SECOND, "level": "info"},
        {"timestamp": at + 59 * SECOND, "level": "error"},
        {"timestamp": at + 60 * SECOND, "level": "info"},
    ]
    store.writer.write([batch_of(*entries, organisation_id=organisation_id)])
    search = Search(organisation_id, around_now(organisation_id).query, at, at + timedelta(hours=1))
    counts = store.reader.level_counts(search, step=60 * SECOND)
    assert sorted(counts, key=lambda one: (one.start, one.level)) == [
        LevelCount(at, 20, 2),
        LevelCount(at, 40, 1),
        LevelCount(at + 60 * SECOND, 20, 1),
    ]
    counts = store.reader.level_counts(search, step=90 * SECOND, origin=at - 30 * SECOND + timedelta(days=1))
    begins = {(one.start - at).total_seconds() for one in counts}
    assert begins == {-30.0, 60.0}


def test_nothing_of_another_organisation_is_read(
    store: Store, organisation_id: int, new_organisation: Callable[[], int]
) -> None:
    stranger_id = new_organisation()
    theirs = batch_of({"message": "theirs", "trace_id": "7f", "metadata": {"k": 1}}, organisation_id=stranger_id)
    store.writer.write([theirs, batch_of({"message": "ours", "metadata": {"k": 1}}, organisation_id=organisation_id)])

    for query in ("", "k:1", "theirs OR ours", "-nowhere", "trace:7f OR k:1"):
        assert [one.message for one in store.reader.page(around_now(organisation_id, query), limit=9)] == ["ours"]
        assert [one.count for one in store.reader.level_counts(around_now(organisation_id, query), step=SECOND)] == [1]
    stolen = arrival_of(batch_of(organisation_id=organisation_id, batch_id=theirs.batch_id))
    assert store.reader.batch(stolen) == []
    assert store.reader.entry(organisation_id, theirs.batch_id * 1024) is None
    assert get(organisation_id, theirs.batch_id * 1024) is None
    assert get(stranger_id, theirs.batch_id * 1024)
    assert store.reader.wall() is State.STANDS


@pytest.fixture
def locked_entries(transactional_db: None) -> Any:
    """Entries in PostgreSQL that nobody else can read."""
    with closing(psycopg.connect(database_url())) as migration:
        migration.execute("LOCK TABLE storage_entry")
        yield
        migration.rollback()


@pytest.mark.parametrize(("seconds", "code"), [(1, "query_timeout"), (15, "overloaded")])
def test_what_takes_too_long_in_postgresql_is_the_store_s_trouble(
    locked_entries: None, settings: Any, seconds: int, code: str
) -> None:
    settings.READ_TIMEOUT_SECONDS = seconds
    with locks_in_time(ALIAS), pytest.raises(Unavailable) as raised:
        open_store().reader.page(around_now(1), limit=1)
    assert (as_refusal(raised.value).code, as_refusal(raised.value).status) == (code, 503)


def test_sample_is_picked_by_chance_and_the_same_each_time(store: Store, organisation_id: int) -> None:
    """Two hundred entries of 40 batches, a second apart: every second one in another project."""
    for n in range(40):
        entries = [
            {
                "timestamp": NOW - (5 * n + k) * SECOND,
                "project_id": ("shop", "web")[k % 2],
                "metadata": {"n": 5 * n + k},
            }
            for k in range(5)
        ]
        store.writer.write([batch_of(*entries, organisation_id=organisation_id)])
    everything, in_shop = around_now(organisation_id), around_now(organisation_id, "project:shop").query

    def sample(**how: Any) -> Sampled:
        return store.reader.sample(everything, but=in_shop, seconds=60, **{"limit": 60, "among": 1_000} | how)

    whole = sample()
    assert (len(whole.entries), whole.fulfilled, whole.since) == (60, 120, None)
    assert {one.project for one in whole.entries} == {"shop"}
    assert sample() == whole
    assert len({one.id for one in whole.entries} & {one.id for one in sample(limit=10).entries}) == 10
    seconds = [(NOW - one.timestamp).total_seconds() for one in whole.entries]
    assert min(seconds) < 70 < 130 < max(seconds)  # from all over the range
    assert [one.metadata for one in whole.entries] == [
        store.reader.entry(organisation_id, one.id).metadata  # type: ignore[union-attr]
        for one in whole.entries
    ]

    part = sample(among=50)
    assert (part.fulfilled, part.since) == (30, NOW - 49 * SECOND)
    assert {one.timestamp >= NOW - 49 * SECOND for one in part.entries} == {True}
    assert 1 <= len(sample(most_bytes=1_500).entries) < 10
    assert sample(limit=1, among=1).fulfilled == 1
    nothing = store.reader.sample(around_now(organisation_id + 1), limit=9, among=9, seconds=60)
    assert (nothing.entries, nothing.fulfilled, nothing.since) == ([], 0, None)
