"""What looking through a large open day takes for granted of PostgreSQL, where it is quick for no other reason."""

import json
from decimal import Decimal

import pytest
from django.db import connections
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from explore.query import parse
from storage.conditions import Compares, Document, Operator
from storage.matching import matches
from storage.postgres.letters import letters
from storage.postgres.narrowing import may_hold
from storage.postgres.predicate import Predicate
from storage.postgres.predicates import compile_condition
from storage.postgres.reads import WORK_MEMORY, reading
from storage.wall import ALIAS, ENTRIES

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

#: As they may stand in a document, JSON's texts and lists among them.
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.integers(-1200, 1200).map(str),
    st.sampled_from(["0", "-0", "9.99", "12.5", "0.5", "-1.25e-7", "1e3", "1.5e3", "12e1", "5e-324", "4e300", "1e20"]),
)
VALUES = st.recursive(
    NUMBERS
    | st.sampled_from(
        ['"12"', '"-3"', '"n\\":5abc,"', '"\\\\\\":5abc,"', '"1e3, 2}"', "true", "null", '""', '"1500 ms"']
    ),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda some: f"[{','.join(some)}]")
        | st.tuples(st.sampled_from(["n", "a"]), inner).map(lambda member: f'{{"{member[0]}":{member[1]}}}')
    ),
    max_leaves=4,
)
NAMES = ["n", "a.n", "", "\\", "n\\", 'n"', "an", "}n"]
DOCUMENTS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4, unique_by=lambda member: member[0]).map(
    lambda members: "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members) + "}"
)
BOUNDS = st.one_of(
    st.integers(-1200, 1200).map(Decimal),
    st.sampled_from(["0.5", "9.99", "1000", "999.5", "-0.1", "1e2", "1E+1", "99999999999999999999", "1e-7"]).map(
        Decimal
    ),
)
#: Both as documents come and as PostgreSQL writes `jsonb`.
LOOKS = """
SELECT ({looks}) IS TRUE FROM unnest(%s::text[] || %s::jsonb[]::text[]) WITH ORDINALITY AS entry(metadata, place)
 ORDER BY place
"""


def may_hold_in(condition: Document, documents: list[str]) -> list[bool]:
    """Tell of each document, in both writings, whether its text rules the condition out."""
    looks = may_hold(condition, then=Predicate("TRUE"))
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(LOOKS.format(looks=looks.sql), [*looks.parameters, documents, documents])
        return [is_possible for (is_possible,) in cursor.fetchall()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(DOCUMENTS, min_size=1, max_size=30),
    st.sampled_from(["n", "a.n", "an", "b.", "\\", "n\\", 'n"']),
    st.sampled_from([">", ">=", "<", "<="]),
    BOUNDS,
)
@example(['{"n":150}', '{"n":99}'], "n", ">", Decimal("1E+2"))
def test_no_number_that_is_asked_for_is_ruled_out_by_its_look(
    documents: list[str], name: str, operator: Operator, bound: Decimal
) -> None:
    condition = Document("metadata", (name,), Compares(operator, bound))
    found = [matches(condition, {"metadata": json.loads(text, parse_float=Decimal)}) for text in documents]
    for is_found, is_possible in zip(found * 2, may_hold_in(condition, documents), strict=True):
        assert is_possible or not is_found


@pytest.mark.parametrize(
    ("operator", "bound", "ruled_out"),
    [
        (">", "2998", ["2997", "299", "29.985e1", "-3000", '"3000"', '{"a":1}', "1500"]),
        (">=", "2998", ["2997", "2997.99", "12.25", "-3000", '"2998"']),
        ("<", "20", ["20", "21", "200", "20.5", "19.5e1", '"ab"', "123456789012345678"]),
        ("<=", "-5", ["-4", "0", "5", "-4.5", '"-6"']),
    ],
)
def test_most_numbers_beyond_a_bound_are_ruled_out_by_their_look(
    operator: Operator, bound: str, ruled_out: list[str]
) -> None:
    documents = [text for value in ruled_out for text in (f'{{"n":{value}}}', f'{{"n":{value},"path":"/x"}}')]
    condition = Document("metadata", ("n",), Compares(operator, Decimal(bound)))
    plain = may_hold_in(condition, documents)[: len(documents)]
    assert [text for text, is_possible in zip(documents, plain, strict=True) if is_possible] == []


def test_no_letter_but_two_becomes_one_of_ascii() -> None:
    """`storage.postgres.narrowing` looks for no piece of a text with an i or a k in it."""
    foreign = [lowered for letter, lowered in letters().small.items() if letter > 127]
    assert {lowered for lowered in foreign if any(map(str.isascii, lowered))} <= {"i", "k", "i\u0307"}


@pytest.mark.parametrize("word", ["xylophone", "order-4711", "550e8400-e29b-41d4-a716-446655440000"])
def test_quick_look_for_a_word_comes_before_the_slow_one(word: str) -> None:
    words = compile_condition(parse(word))
    with reading(1) as reader:
        plan = reader.rows(f"EXPLAIN SELECT id FROM {ENTRIES} WHERE {words.sql}", words.parameters)
    looks = [line for (line,) in plan if "Filter" in line and "~~" in line]
    assert looks
    for look in looks:
        assert look.index("strpos(") < look.index("~~") < look.index("storage_shows(")


def test_places_that_an_index_finds_have_room() -> None:
    with reading(1) as reader:
        assert reader.rows("SELECT 1", []) == [(1,)]
        assert reader.rows("SHOW work_mem", []) == [(WORK_MEMORY,)]
