"""Entries as lines for a terminal. Whatever a log holds, it moves no cursor, hides no text and starts no new line."""

import json
import re
import unicodedata
from datetime import UTC
from typing import Any

import msgspec
from msgspec import Raw

from explore.search import FoundEntry
from explore.shape import as_json, parsed
from foundation.levels import Level

RESET, DIM = "\x1b[0m", "\x1b[2m"
COLOURS = {
    Level.DEBUG: "\x1b[2m",
    Level.INFO: "\x1b[36m",
    Level.WARN: "\x1b[33m",
    Level.ERROR: "\x1b[31m",
    Level.FATAL: "\x1b[1;31m",
    Level.PANIC: "\x1b[1;97;41m",
}
#: Controls, invisible format characters such as bidi overrides, line and paragraph separators, lone surrogates.
INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs"}
#: In JSON these stand in texts only.
UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_text = msgspec.json.Decoder(str).decode
JOINER = "\u200d"  # joins emoji, and does no harm


def visible(text: str) -> str:
    """Write invisible characters as escapes: an ESC becomes the four characters \\x1b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def as_line(entry: FoundEntry, *, coloured: bool) -> str:
    """Return an entry as one line, and one more for each line of its stack trace."""
    level, dim, reset = (COLOURS[entry.level], DIM, RESET) if coloured else ("", "", "")
    time = entry.timestamp.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
    place = visible(f"{entry.environment}/{entry.project}")
    lines = [
        f"{dim}{time}{reset} {level}{entry.level.label.upper():<5}{reset} {dim}{place}{reset} {visible(entry.message)}"
        f"{dim}{_metadata(entry)}{reset}",
        *(f"    {level}{visible(line)}{reset}" for line in _error(parsed(entry.error) or {})),
    ]
    return "\n".join(lines)


def as_json_line(entry: FoundEntry) -> str:
    """Return an entry as the API shows it, in ASCII."""
    return UNPRINTABLE.sub(_escaped, as_json(entry).decode())


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def _visible_character(character: str) -> str:
    if character == JOINER or unicodedata.category(character) not in INVISIBLE:
        return character
    return character.encode("unicode_escape").decode() if character != "\x7f" else "\\x7f"


def _metadata(entry: FoundEntry) -> str:
    metadata = _members(entry.metadata) if entry.metadata else {}
    return "".join(f" {visible(key)}={visible(_value(value))}" for key, value in metadata.items())


def _value(value: Raw) -> str:
    """Return a text without its quotes, and anything else as JSON."""
    text = bytes(value).decode()
    return _text(text) if text.startswith('"') else text


def _error(error: dict[str, Any]) -> list[str]:
    head = ": ".join(str(error[name]) for name in ("type", "message") if error.get(name))
    stack = [line for frame in error.get("stack_trace") or [] for line in str(frame).splitlines()]
    return ([head] if head else []) + stack
