"""What every store says has changed since a moment: held to plain Python on entries at random."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explore.changes import CHANCE, LEAST_TIMES, Change, Changes, changes
from explore.fields import field_of
from explore.value_changes import compare
from issues.template import template
from storage.search import Search
from storage.store import Store
from tests.contract.batches import NOW, around_now, batch_of
from tests.contract.queries import LEVELS
from tests.contract.test_figures import examples

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

#: Few templates, with values of their own.
said = st.sampled_from(["Paid {n} EUR", "User {n} not found", "over", "üb-{n}", ""])
spoken = st.tuples(said, st.integers(0, 999), st.sampled_from(LEVELS), st.integers(-8, 7), st.integers(1, 30))
#: Not in the middle of the two hours: so times of different lengths are compared.
moments = st.sampled_from([NOW + timedelta(seconds=n) for n in (-5, -1, 0, 3)])


def test_changes_are_those_of_plain_python(
    request: pytest.FixtureRequest, store: Store, new_organisation: Callable[[], int]
) -> None:
    @settings(max_examples=examples(request, 25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(stored=st.lists(spoken, max_size=9), since=moments, query=st.sampled_from(["", "level:>=warn", "paid"]))
    def agree(stored: list[tuple[str, int, str, int, int]], since: datetime, query: str) -> None:
        organisation_id = new_organisation()
        sent = [
            {"message": words.format(n=n + more), "level": level, "timestamp": NOW + timedelta(seconds=second)}
            for words, n, level, second, times in stored
            for more in range(times)
        ]
        if sent:
            store.writer.write([batch_of(*sent, organisation_id=organisation_id)])
            store.writer.write([batch_of(*sent, organisation_id=organisation_id + 1_000_000)])
        search = around_now(organisation_id, query)
        found = changes(search, since=since, limit=100)
        entries = store.reader.page(search, limit=1_000)
        assert_told(found, [(one.message, one.timestamp) for one in entries], search, since)

    agree()


def assert_told(found: Changes, entries: list[tuple[str, datetime]], search: Search, since: datetime) -> None:
    own, former = (
        Counter(template(message) for message, at in entries if (at >= since) is is_own) for is_own in (True, False)
    )
    counts = {one.pattern.template: (one.count, one.before) for one in found.changed}
    assert counts == {name: (own[name], former[name]) for name in own | former}
    assert len(found.changed) == sum(found.kinds.values()) == len(counts)
    assert (found.since.entries, found.before.entries) == (own.total(), former.total())
    assert found.since.is_all
    assert found.before.is_all
    seconds, before = (search.end - since).total_seconds(), (since - search.start).total_seconds()
    for one in found.changed:
        assert (one.change is Change.NEW) == (not one.before)
        assert (one.change is Change.GONE) == (not one.count)
        if one.times is None:
            continue
        assert one.times == pytest.approx(one.count * before / seconds / one.before)
        if one.change in (Change.MORE, Change.LESS):
            assert (one.change is Change.MORE) == (one.times > 1)


#: Values, lists of them, and equal numbers; often enough for a change to be told.
tagged = st.tuples(
    st.sampled_from([1, 1.0, "1", True, "eu", ["eu", "us"], ["eu", 2], None, {"n": 1}, 2**64]),
    st.integers(-8, 7),
    st.integers(1, 60),
)


def test_changes_of_values_are_those_of_plain_python(store: Store, new_organisation: Callable[[], int]) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(stored=st.lists(tagged, max_size=6), since=moments)
    def agree(stored: list[tuple[Any, int, int]], since: datetime) -> None:
        organisation_id = new_organisation()
        sent = [
            {"metadata": {"n": value}, "timestamp": NOW + timedelta(seconds=second)}
            for value, second, times in stored
            for _ in range(times)
        ]
        if sent:
            store.writer.write([batch_of(*sent, organisation_id=organisation_id)])
            store.writer.write([batch_of(*sent, organisation_id=organisation_id + 1_000_000)])
        own, former, [found] = compare(around_now(organisation_id), [field_of("n")], since=since)
        told = {as_key(one.value): (one.count, one.before, one.change) for one in found.changed}
        assert found.is_all
        assert told == expected_of(stored, since, own.entries, former.entries)

    agree()


def expected_of(
    stored: list[tuple[Any, int, int]], since: datetime, entries: int, before: int
) -> dict[Any, tuple[int, int, Change]]:
    """Tell which values changed by the likelihood ratio of both sides' counts, written out once more."""
    own, former, totals = Counter[Any](), Counter[Any](), Counter[bool]()
    for value, second, times in stored:
        is_own = NOW + timedelta(seconds=second) >= since
        totals[is_own] += times
        for key in {as_key(one) for one in (value if isinstance(value, list) else [value])} - {None}:
            (own if is_own else former)[key] += times
    assert (totals[True], totals[False]) == (entries, before)
    kinds = {key: kind_of(own[key], former[key], entries, before) for key in own | former} if entries and before else {}
    return {key: (own[key], former[key], kind) for key, kind in kinds.items() if kind is not Change.SAME}


def kind_of(count: int, former: int, entries: int, before: int) -> Change:
    even = [(count + former) * part / (entries + before) for part in (entries, before)]
    ratio = 2 * sum(seen * log(seen / usual) for seen, usual in zip((count, former), even, strict=True) if seen)
    if ratio < CHANCE:
        return Change.SAME
    if not former or not count:
        return Change.GONE if former else Change.NEW
    times = (count * before) / (former * entries)
    if 1 / LEAST_TIMES < times < LEAST_TIMES:
        return Change.SAME
    return Change.MORE if times > 1 else Change.LESS


def as_key(value: Any) -> Any:
    """Tell true from 1; objects are no values."""
    return None if value is None or isinstance(value, dict) else (isinstance(value, bool), value)


def test_where_there_is_more_the_newest_of_each_side_is_compared_by_its_time(
    store: Store, organisation_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explore.patterns.AMONG", 10)
    monkeypatch.setattr("explore.changes.AMONG", 10)
    slow = [{"message": "tick", "timestamp": NOW - timedelta(seconds=4 * n + 4)} for n in range(20)]
    fast: list[dict[str, Any]] = [{"message": "tick", "timestamp": NOW + timedelta(seconds=n)} for n in range(20)]
    store.writer.write([batch_of(*slow, *fast, organisation_id=organisation_id)])
    search = Search(
        organisation_id, around_now(organisation_id).query, NOW - timedelta(hours=1), NOW + timedelta(seconds=20)
    )
    found = changes(search, since=NOW, limit=5)
    assert (found.since.entries, found.since.seconds, found.since.is_all) == (10, 10, False)
    assert (found.before.entries, found.before.seconds, found.before.is_all) == (10, 40, False)
    [tick] = found.changed
    assert (tick.count, tick.before, tick.times) == (10, 10, 4)
