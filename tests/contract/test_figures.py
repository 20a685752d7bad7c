"""What every store makes figures of entries: held to plain Python on entries at random."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explore.fields import field_of, name_of_key
from storage.aggregates import ERROR, Aggregate, Aggregated, Function, Series
from storage.search import EPOCH
from storage.store import Store
from tests.contract import figures, memory
from tests.contract.batches import NOW, batch_of, whole
from tests.contract.queries import KEYS, entries, queries
from tests.contract.test_language import as_sent

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

NAMES = [
    *map(name_of_key, KEYS), "user.id.tags", "level", "message", "environment", "project", "trace", "size_bytes",
    "error.type", "error.stack_trace", "error.context.id", "nowhere",
]  # fmt: skip
names = st.sampled_from(NAMES)
#: Many of the same kind, so that groups have several numbers.
NUMBERS = st.sampled_from([0, 1, 2, 2.5, -1, 10**20, [1, 3], [2, 2, "x"], "x", None])
alike = st.fixed_dictionaries(
    {
        "level": st.sampled_from(["info", "error"]),
        "message": st.just("m"),
        "metadata": st.fixed_dictionaries({"n": NUMBERS, "user": st.sampled_from(["a", "b", ["a", "b"], {"id": "n"}])}),
    }
)
#: As often all entries as some: what a query finds at random is often nothing.
asked_for = st.booleans().flatmap(lambda finds_all: st.just("") if finds_all else queries)
asked = st.builds(
    Aggregate,
    function=st.sampled_from(list(Function)),
    field=(names | st.just("n")).map(field_of),
    by=st.lists((names | st.just("user")).map(field_of), max_size=2).map(tuple),
    step=st.sampled_from([None, timedelta(seconds=1), timedelta(seconds=2), timedelta(days=1)]),
    origin=st.sampled_from([EPOCH, NOW]),
    limit=st.integers(min_value=1, max_value=4),
)
#: Where a rank that is one off shows: percentiles of a number that many of a group have.
ranked = st.builds(
    Aggregate,
    function=st.sampled_from([one for one in Function if one.share]),
    field=st.just(field_of("n")),
    by=st.lists(st.just(field_of("level")), max_size=1).map(tuple),
    step=st.sampled_from([None, timedelta(days=1)]),
    limit=st.just(4),
)
#: Moments around a step's edge.
moments = st.sampled_from([NOW + timedelta(seconds=n / 2) for n in range(6)])


def test_figures_are_those_of_plain_python(
    request: pytest.FixtureRequest, store: Store, new_organisation: Callable[[], int]
) -> None:
    @settings(max_examples=examples(request, 40), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stored=st.lists(st.tuples(moments, entries), max_size=4) | st.lists(st.tuples(moments, alike), max_size=9),
        questions=st.lists(st.tuples(asked_for, asked), max_size=7),
        percentile=ranked,
    )
    def agree(
        stored: list[tuple[datetime, dict[str, Any]]], questions: list[tuple[str, Aggregate]], percentile: Aggregate
    ) -> None:
        organisation_id = new_organisation()
        sent = [as_sent(entry) | {"timestamp": moment} for moment, entry in stored]
        if sent:
            store.writer.write([batch_of(*sent, organisation_id=organisation_id)])
            store.writer.write([batch_of(*sent, organisation_id=organisation_id + 1_000_000)])
        for query, question in [*questions, ("", percentile)]:
            found = store.reader.page(whole(organisation_id, query), limit=100)
            expected = figures.aggregate(found, question, partial(start_of, question))
            assert_equal(store.reader.aggregate(whole(organisation_id, query), question), expected, question)

    agree()


def examples(request: pytest.FixtureRequest, many: int) -> int:
    """Return how many examples to try: few in ClickHouse, where each is an insert, and Python counts."""
    return many // 5 if request.node.callspec.params["store"] == "clickhouse" else many


def start_of(asked: Aggregate, moment: datetime) -> datetime:
    return memory.step_of(moment, asked.step or timedelta(days=1), asked.origin)


def assert_equal(answered: Aggregated, expected: Aggregated, asked: Aggregate) -> None:
    """A percentile may be off by a hundredth, and then change places with its neighbours."""
    assert answered.scanned == expected.scanned
    assert answered.other_groups == expected.other_groups
    if asked.function.share is None:
        assert answered.is_exact
        assert [one.by for one in answered.rows] == [one.by for one in expected.rows]
    for ours, theirs in zip(answered.rows, expected.rows, strict=True):
        if asked.function.share is None or ours.by == theirs.by:
            assert_series_equal(ours, theirs, asked)
        else:
            assert is_close(ours.value, theirs.value, asked)
    assert (answered.others is None) == (expected.others is None)
    if answered.others and expected.others and asked.function.share is None:
        assert_series_equal(answered.others, expected.others, asked)


def assert_series_equal(ours: Series, theirs: Series, asked: Aggregate) -> None:
    assert is_close(ours.value, theirs.value, asked)
    assert ours.points.keys() == theirs.points.keys()
    assert all(is_close(ours.points[step], value, asked) for step, value in theirs.points.items())


def is_close(ours: Any, theirs: Any, asked: Aggregate) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    error = ERROR if asked.function.share else Decimal("1e-14") if asked.function == "avg" else Decimal(0)
    with localcontext(prec=figures.EXACTLY):
        return abs(Decimal(ours) - Decimal(theirs)) <= abs(Decimal(theirs)) * error


def test_values_of_the_newest_are_those_of_plain_python(
    request: pytest.FixtureRequest, store: Store, new_organisation: Callable[[], int]
) -> None:
    @settings(max_examples=examples(request, 25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stored=st.lists(entries, max_size=9),
        query=asked_for,
        fields=st.lists(names.map(field_of), min_size=1, max_size=4),
        among=st.integers(min_value=3, max_value=12),
    )
    def agree(stored: list[dict[str, Any]], query: str, fields: list[Any], among: int) -> None:
        organisation_id = new_organisation()
        sent = [as_sent(entry) | {"timestamp": NOW + timedelta(seconds=n)} for n, entry in enumerate(stored)]
        if sent:
            store.writer.write([batch_of(*sent, organisation_id=organisation_id)])
            store.writer.write([batch_of(*sent, organisation_id=organisation_id + 1_000_000)])
        search = whole(organisation_id, query)
        newest = store.reader.page(search, limit=100)[:among]
        expected = figures.values(newest, fields, most=2, is_all=len(newest) < among)
        assert store.reader.values(search, fields, among=among, most=2, seconds=60) == expected
        said = store.reader.messages(search, among=among, most_characters=3, seconds=60)
        assert [tuple(one) for one in said] == [(one.id, one.timestamp, one.level, one.message[:3]) for one in newest]

    agree()
