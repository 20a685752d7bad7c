"""Entries in a terminal: nothing in a log can act on it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from explore.search import FoundEntry
from explore.terminal import as_json_line, as_line, visible
from foundation.levels import Level

NASTY = [
    "\x1b[2J\x1b[H gone",
    "\x1b]0;title\x07",
    "\x9b31m C1",
    "one\r\ntwo\nthree",
    "\u202egpj.exe",
    "\u2066isolate\u2069",
    "zero\u200bwidth",
    "\u2028line\u2029paragraph",
    "tab\tbell\x07back\x08",
    "del\x7f",
    "tag\U000e0041",
]


def entry(**fields: Any) -> FoundEntry:
    moment = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
    values: dict[str, Any] = {
        "id": 1024,
        "received_at": moment,
        "timestamp": moment,
        "level": Level.ERROR,
        "environment": "production",
        "project": "shop",
        "trace_id": None,
        "span_id": None,
        "parent_span_id": None,
        "privacy_mode": None,
        "message": "Payment failed",
        "metadata": {"amount": 99.99, "tags": ["a"]},
        "error": {"type": "PaymentError", "message": "no money", "stack_trace": ["at pay (pay.ts:45)\nat main"]},
        "size_bytes": 100,
    }
    values |= fields
    return FoundEntry(**values | {name: Raw(msgspec.json.encode(values[name])) for name in ("metadata", "error")})


def test_line_holds_what_matters() -> None:
    assert as_line(entry(), coloured=False).split("\n") == [
        '2026-11-20 12:00:00.123 ERROR production/shop Payment failed amount=99.99 tags=["a"]',
        "    PaymentError: no money",
        "    at pay (pay.ts:45)",
        "    at main",
    ]


def test_colours_end_with_each_line() -> None:
    for line in as_line(entry(), coloured=True).split("\n"):
        assert line.endswith("\x1b[0m")


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_an_entry_reaches_the_terminal_unseen(text: str) -> None:
    nasty = entry(
        message=text,
        environment=text,
        project=text,
        metadata={text: text, "deep": {text: [text]}},
        error={"type": text, "message": text, "stack_trace": [text]},
    )
    line = as_line(nasty, coloured=False)
    assert all(character.isprintable() or character == "\n" for character in line)
    assert len(line.split("\n")) == 2 + len(text.splitlines())
    exported = as_json_line(nasty)
    assert exported.isascii()
    assert exported.isprintable()
    assert json.loads(exported)["message"] == text


def test_escapes_say_which_character_it_was() -> None:
    assert visible("\x1b[31m\u202e\x9b\n") == "\\x1b[31m\\u202e\\x9b\\n"


@pytest.mark.parametrize("text", ["plain", "ünïcode 日本", "👩\u200d🚀", "back\\slash"])
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
