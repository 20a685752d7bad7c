"""Figures of documents that an engine may read in its own way: held to plain Python, whatever it is told to count."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from explore.fields import field_of
from storage.aggregates import Aggregate, Function
from storage.clickhouse import aggregate
from storage.store import Store
from tests.contract import figures
from tests.contract.batches import NOW, batch_of, whole
from tests.contract.test_figures import assert_equal, start_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

LONG = "x" * 255 + "y"
#: Neighbours that one double stands for, numbers that are written in two ways, texts that look like numbers, texts with
#: what JSON escapes, more than is counted together, and objects.
ODD = [
    1, 1.0, -0.0, 0, 10**15, 2**53, 2**53 + 1, 10**17, 10**17 + 1, 2**64, 2**64 + 1, -(2**63) - 1, 10**20, 1e20, 1e300,
    5e-324, 0.30000000000000004, -1.25e-7, 12345678.125, "1", "18446744073709551616", "a\nb", "a\\nb", "a/b", "\u2028",
    'say "1",', "{", "[1", "ü😀", "", LONG, f"{LONG}1", f"{LONG}2" * 3, True, None, {}, {"n": 3}, {"b": 2}, [],
    [1, 1.0, 2**64], [[1], 2], [{"b": 1}, {"b": [2, 3]}], [None, "a\nb"],
    {"b.c": 1, "b": {"c": 2}}, {"b": [{"c": 2**64 + 1}]},
]  # fmt: skip
KEYS = ["n", "a", "a.b", "b", "m", 'q"k', "a.b.c"]
documents = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(ODD), max_size=4)
said = st.tuples(documents, st.sampled_from(["m", LONG, f"{LONG}z", "üß" * 300, "12"]), st.integers(0, 2))
names = st.sampled_from(["n", "a", "a.b", "a.b.c", "b", 'q"k', "n.n", "message", "level", "a.b.c.d.e.f", "trace"])
asked = st.builds(
    Aggregate,
    function=st.sampled_from(list(Function)),
    field=names.map(field_of),
    by=st.lists(names.map(field_of), max_size=2, unique=True).map(tuple),
    step=st.sampled_from([None, timedelta(seconds=1)]),
    limit=st.integers(min_value=1, max_value=4),
)
queries = st.sampled_from(["", "", "n:>0", "n:18446744073709551617", "a:*"])


#: Each of these alone.
ALONE = [({"n": one}, "m", 0) for one in ODD] + [({"a": one}, "m", 1) for one in ODD]
OF_ALONE = [
    *(Aggregate(function, field_of(name), limit=4) for function in Function for name in ("n", "a.b")),
    *(Aggregate(Function.COUNT, by=(field_of(name),), limit=100) for name in ("n", "a.b", "a.b.c")),
]


def test_figures_of_odd_documents_are_those_of_plain_python(store: Store, new_organisation: Callable[[], int]) -> None:
    assert_agrees(store, new_organisation)


def test_so_they_are_where_the_engine_has_more_to_count_than_it_may(
    in_clickhouse: Store, new_organisation: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "MOST_KINDS", 2)
    monkeypatch.setattr(aggregate, "MOST_LEFT", 2)
    assert_agrees(in_clickhouse, new_organisation)


def assert_agrees(store: Store, new_organisation: Callable[[], int]) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stored=st.lists(said, max_size=12),
        questions=st.lists(st.tuples(queries, asked), min_size=2, max_size=9),
        fields=st.lists(names.map(field_of), min_size=1, max_size=4),
    )
    @example(stored=ALONE, questions=[("", one) for one in OF_ALONE], fields=[field_of("n"), field_of("a.b")])
    def agree(
        stored: list[tuple[dict[str, Any], str, int]], questions: list[tuple[str, Aggregate]], fields: list[Any]
    ) -> None:
        organisation_id = new_organisation()
        sent = [
            {"metadata": document, "message": message, "timestamp": NOW + timedelta(seconds=second, microseconds=n)}
            for n, (document, message, second) in enumerate(stored)
        ]
        if sent:
            store.writer.write([batch_of(*sent, organisation_id=organisation_id)])
        for query, question in questions:
            search = whole(organisation_id, query)
            found = store.reader.page(search, limit=200)
            expected = figures.aggregate(found, question, partial(start_of, question))
            assert_equal(store.reader.aggregate(search, question), expected, question)
        for among in (9, 200):
            counted = figures.values(found[:among], fields, most=99, is_all=len(found) < among)
            assert store.reader.values(search, fields, among=among, most=99, seconds=60) == counted

    agree()
