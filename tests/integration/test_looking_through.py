"""What looking through a large open day takes for granted of PostgreSQL, where it is quick for no other reason."""

import pytest

from explore.query import parse
from storage.postgres.letters import letters
from storage.postgres.predicates import compile_condition
from storage.postgres.reads import WORK_MEMORY, reading
from storage.wall import ENTRIES

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


def test_no_letter_but_two_becomes_one_of_ascii() -> None:
    """`storage.postgres.narrowing` looks for no piece of a text with an i or a k in it."""
    foreign = [lowered for letter, lowered in letters().small.items() if letter > 127]
    assert {lowered for lowered in foreign if any(map(str.isascii, lowered))} <= {"i", "k", "i\u0307"}


def test_quick_look_for_a_word_comes_before_the_slow_one() -> None:
    words = compile_condition(parse("xylophone"))
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
