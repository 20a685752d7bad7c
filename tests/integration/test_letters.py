"""What searches take for granted of the letters of the database they ask."""

import pytest

from storage.postgres.letters import letters

pytestmark = pytest.mark.django_db(databases=["default", "reads"])


def test_no_letter_but_two_becomes_one_of_ascii() -> None:
    """`storage.postgres.narrowing` looks for no piece of a text with an i or a k in it."""
    small = letters().small.items()
    assert {lowered for letter, lowered in small if letter > 127 and any(map(str.isascii, lowered))} <= {
        "i",
        "k",
        "i\u0307",
    }
