"""Numbers in JSON keep their value, and do not grow."""

import json
from decimal import Decimal

import pytest

from foundation.numbers import MAX_DIGITS, may_hold_long, shorten


@pytest.mark.parametrize(
    ("shown", "shortened"),
    [
        ("1" + "0" * 300, "1e300"),
        ("-" + "0." + "0" * 299 + "1", "-1e-300"),
        ("0." + "0" * 323 + "5", "5e-324"),
        ("0." + "0" * 60, "0.0"),
        ("0.0000032", "3.2e-6"),
        ("0.00001", "0.00001"),
        ("10.0000001", "10.0000001"),
        ("9" * 41, "9." + "9" * 40 + "e40"),
        ("9" * 40, "9" * 40),
        ("-" + "9" * 40, "-" + "9" * 40),
        ("123." + "4" * 60, "1.23" + "4" * 60 + "e2"),
        ("1." + "0" * 50, "1e0"),
        ("12345678901234567890", "12345678901234567890"),
        ("17" + "0" * 307, "1.7e308"),
        ("19" + "0" * 307, "19" + "0" * 307),
        ("99.99", "99.99"),
        ("0", "0"),
        ("1." + "5" * 45 + "e-7", "1." + "5" * 45 + "e-7"),
    ],
)
def test_long_numbers_get_an_exponent_and_keep_their_value(shown: str, shortened: str) -> None:
    text = '{"a":[%s, %s],"b":%s}'
    assert shorten((text % (shown, shown, shown)).encode()) == (text % (shortened, shortened, shortened)).encode()
    assert Decimal(shortened) == Decimal(shown)
    assert shorten(shortened.encode()) == shortened.encode()


@pytest.mark.parametrize(
    "text", ["9" * 50, "\\" * 3, '"' + "9" * 50, "[" + "9" * 50 + ",", "\\u0001" + "1" * 99, '\\",0.0000001,']
)
def test_digits_in_texts_and_names_are_left_alone(text: str) -> None:
    document = json.dumps({text: [text, 1], "a": {text: text}}).encode()
    assert shorten(document) == document


@pytest.mark.parametrize("start", range(16))
@pytest.mark.parametrize("number", [b"8" * (MAX_DIGITS + 1), b"8." + b"8" * MAX_DIGITS])
def test_long_number_is_noticed_wherever_it_begins(start: int, number: bytes) -> None:
    assert may_hold_long(b" " * start + number + b" " * 20)


def test_ordinary_entries_are_not_looked_at_twice() -> None:
    assert not may_hold_long(b'{"timestamp":"2026-01-26T14:30:00.123456Z","n":1234567890123456}' * 9)
