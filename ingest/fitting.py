"""Entries of agents, made to fit our limits: an agent cannot mend what is refused, so nothing is refused for its size.

What was cut is said in the entry's metadata: `luminalog.cut`.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import json

from ingest.canonical import (
    MAX_DEPTH,
    MAX_ERROR_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_METADATA_BYTES,
    MAX_SHORT_TEXT_BYTES,
    SHORT_TEXTS,
    is_deeper,
)
from storage.entry import Entry, EntryError

CUT, REST = "luminalog.cut", "message.rest"
#: What `luminalog.cut` itself may take, and the names in it.
CUT_BYTES, NAMES_BYTES = 4_096, 3_072
#: To how many bytes long values are cut, first and then.
STEPS_BYTES = (1_024, 256)
MOST_NAMES = 20
#: The deepest level that stays as it is: what is below is text.
TEXT_LEVEL = 60
FIRST_LINES = 20
#: Of an error: what its parts may take when it is too large.
ERROR_TEXT_BYTES, STACK_BYTES = 10_240, 200_000

encode = json.Encoder().encode


def fit(entry: Entry) -> list[str]:
    """Change `entry` until it breaks no limit; return which parts were cut."""
    cut: dict[str, Any] = {}
    for name in SHORT_TEXTS:
        text = getattr(entry, name)
        if text and len(text.encode()) > MAX_SHORT_TEXT_BYTES:
            setattr(entry, name, clipped(text, MAX_SHORT_TEXT_BYTES))
            cut[name] = len(text.encode())
    rest = _fit_message(entry, cut)
    _fit_error(entry, cut)
    _fit_metadata(entry, cut)
    metadata = entry.metadata or {}
    if rest and len(encode(metadata)) + len(encode(rest)) + len(REST) + CUT_BYTES < MAX_METADATA_BYTES:
        entry.metadata = metadata = metadata | {REST: rest}
    if cut:
        entry.metadata = metadata | {CUT: cut}
    return sorted(cut)


def clipped(text: str, most_bytes: int) -> str:
    """Return the beginning of `text`, no longer than that, and no character in halves."""
    return text.encode()[:most_bytes].decode(errors="ignore")


def shortened(text: str, most_bytes: int) -> str:
    """Return `text` cut so that it says at its end how many bytes it lacks."""
    size_bytes = len(text.encode())
    if size_bytes <= most_bytes:
        return text
    kept = clipped(text, most_bytes - len(f"… [+{size_bytes} bytes]".encode()))
    return f"{kept}… [+{size_bytes - len(kept.encode())} bytes]"


def _fit_message(entry: Entry, cut: dict[str, Any]) -> str | None:
    """Cut the message; return the rest of it."""
    whole = entry.message
    entry.message = shortened(whole, MAX_MESSAGE_BYTES)
    if entry.message is whole:
        return None
    kept = entry.message.rpartition("… [+")[0]
    rest = whole[len(kept) :]
    cut["message"] = len(rest.encode())
    return rest


def _fit_metadata(entry: Entry, cut: dict[str, Any]) -> None:
    metadata = entry.metadata
    if not metadata:
        return
    if is_deeper(metadata, levels=MAX_DEPTH):
        entry.metadata = metadata = _as_text_below(metadata, TEXT_LEVEL)
        cut["depth"] = True
    size_bytes = len(encode(metadata))
    if size_bytes <= MAX_METADATA_BYTES - (CUT_BYTES if cut else 0):
        return
    names: list[str] = []
    cut["metadata"] = names
    entry.metadata = metadata = json.decode(encode(metadata))  # parts of it may be other entries', too
    room = MAX_METADATA_BYTES - CUT_BYTES
    for step in STEPS_BYTES:
        size_bytes = _shorten_texts(metadata, step, size_bytes - room, names) + room
    while size_bytes > room and metadata:
        name = next(reversed(metadata))
        size_bytes -= len(encode({name: metadata.pop(name)})) - 1
        _note(names, name)


def _shorten_texts(metadata: dict[str, Any], step: int, excess: int, names: list[str]) -> int:
    """Shorten the longest texts to `step` bytes until the excess is gone; return what is left of it."""
    texts = [one for one in _texts_of(metadata) if len(one[2]) * 4 > step and len(one[2].encode()) > step]
    for outermost, place, text in sorted(texts, key=lambda one: -len(one[2])):
        if excess <= 0:
            break
        holder, key = place
        holder[key] = shortened(text, step)
        excess -= len(encode(text)) - len(encode(holder[key]))
        _note(names, outermost)
    return excess


def _texts_of(metadata: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, Any], str]]:
    """Yield every text: the name at the top that it is under, where it is, and what it is."""
    places = [(name, metadata, name) for name in metadata]
    while places:
        outermost, holder, key = places.pop()
        value = holder[key]
        if isinstance(value, str):
            yield outermost, (holder, key), value
        elif isinstance(value, dict):
            places += [(outermost, value, inner) for inner in value]
        elif isinstance(value, list):
            places += [(outermost, value, index) for index in range(len(value))]  # type: ignore[misc]


def _note(names: list[str], name: str) -> None:
    short = clipped(name, 128)
    if short not in names and len(names) < MOST_NAMES and len(encode([*names, short])) <= NAMES_BYTES:
        names.append(short)


def _as_text_below(value: Any, levels: int) -> Any:
    """Return the value with what is nested deeper than so many levels as its JSON text."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return encode(value).decode()
    if isinstance(value, dict):
        return {name: _as_text_below(inner, levels - 1) for name, inner in value.items()}
    return [_as_text_below(inner, levels - 1) for inner in value]


def _fit_error(entry: Entry, cut: dict[str, Any]) -> None:
    error = entry.error
    if error is None:
        return
    if is_deeper(error.context, levels=MAX_DEPTH - 1):
        error.context = _as_text_below(error.context, TEXT_LEVEL - 1)
        cut["depth"] = True
    size_bytes = len(encode(error))
    if size_bytes <= MAX_ERROR_BYTES:
        return
    cut["error"] = size_bytes
    error.type = error.type and shortened(error.type, STEPS_BYTES[0])
    error.fingerprint = error.fingerprint and clipped(error.fingerprint, STEPS_BYTES[0])
    error.message = error.message and shortened(error.message, ERROR_TEXT_BYTES)
    error.stack_trace = error.stack_trace and _first_and_last(error.stack_trace)
    if len(encode(error)) > MAX_ERROR_BYTES:
        error.context = None
    if len(encode(error)) > MAX_ERROR_BYTES:  # control characters, six bytes each
        entry.error = EntryError(type=error.type, message=error.message)


def _first_and_last(lines: list[str]) -> list[str]:
    """Return the first lines and as many of the last as fit, each shortened."""
    short = [shortened(line, STEPS_BYTES[0]) for line in lines[:FIRST_LINES]]
    room = STACK_BYTES - len(encode(short))
    last: list[str] = []
    for line in reversed(lines[FIRST_LINES:]):
        line_kept = shortened(line, STEPS_BYTES[0])
        room -= len(encode(line_kept)) + 1
        if room < 0:
            break
        last.append(line_kept)
    left_out = len(lines) - len(short) - len(last)
    return [*short, *([f"… [+{left_out} lines]"] if left_out else []), *reversed(last)]
