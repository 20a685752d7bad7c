"""Answers that fit: what is too long is cut, and says so; of a list as much as there is room for. Pure.

A character may take six bytes of JSON: everything is measured as it is written.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Raw, json

from explore.shape import as_text
from storage.found import FoundEntry

#: Of one text in an entry, its metadata, its error, and a line of its stack.
MESSAGE_BYTES, DOCUMENT_BYTES, ERROR_BYTES, LINE_BYTES = 2_000, 3_000, 4_000, 200
NAME_BYTES, MOST_MEMBERS = 200, 50
#: Bytes of a text and elements of a list: the first that make a document fit.
SQUEEZES = ((1_000, 100), (600, 40), (400, 20), (300, 10), (200, 5), (120, 3), (60, 1))
#: Stands where something was cut off.
CUT = "…[cut]"

_parse = json.Decoder().decode


def cut(text: str, most_bytes: int) -> str:
    """Return a text that takes so many bytes as JSON at most; one that was cut says so."""
    size = len(json.encode(text))
    if size <= most_bytes:
        return text
    kept = text[:most_bytes]
    while (size := len(json.encode(kept + CUT))) > most_bytes:
        kept = kept[: max(0, min(len(kept) - 1, len(kept) * most_bytes // size - 1))]
    return kept + CUT


def shortened(entry: FoundEntry) -> dict[str, Any]:
    """Return an entry as a tool tells it: without what it does not have, its long values cut."""
    names = ("environment", "project", "trace_id", "span_id", "parent_span_id")
    members: dict[str, Any] = {
        "id": str(entry.id),
        "timestamp": as_text(entry.timestamp),
        "level": entry.level.label,
        "message": cut(entry.message, MESSAGE_BYTES),
        **{name: cut(value, NAME_BYTES) for name in names if (value := getattr(entry, name))},
        "group": entry.group,
        "metadata": _document(entry.metadata),
        "error": _error(entry.error),
    }
    return {name: value for name, value in members.items() if value is not None}


def fitted(items: Iterable[Any], *, room: int) -> list[Raw]:
    """Return as many items, written, as there is room for: the first in any case."""
    taken: list[Raw] = []
    for item in items:
        written = json.encode(item)
        room -= len(written) + 1
        if taken and room < 0:
            break
        taken.append(Raw(written))
    return taken


def within(value: Any, *, text_bytes: int, most: int, depth: int = 8) -> Any:
    """Return a value of JSON whose texts are cut to so many bytes, and whose lists to so many elements."""
    match value:
        case str():
            return cut(value, text_bytes)
        case dict():
            members = list(value.items())[:MOST_MEMBERS] if depth else []
            return {
                cut(str(name), NAME_BYTES): within(one, text_bytes=text_bytes, most=most, depth=depth - 1)
                for name, one in members
            }
        case list() | tuple():
            elements = value[:most] if depth else []
            return [within(one, text_bytes=text_bytes, most=most, depth=depth - 1) for one in elements]
        case _:
            return value


def squeezed(document: dict[str, Any], *, room: int) -> dict[str, Any]:
    """Return a document with as much of its texts and lists as there is room for; one that was cut says so."""
    for text_bytes, most in SQUEEZES:
        told: dict[str, Any] = within(document, text_bytes=text_bytes, most=most)
        if told != document:
            told["is_cut"] = True
        if len(json.encode(told)) <= room:
            break
    return told


def _document(raw: Raw | None) -> Any:
    if raw is None or len(raw) <= DOCUMENT_BYTES:
        return raw
    return cut(bytes(raw)[:DOCUMENT_BYTES].decode(errors="ignore") + CUT, DOCUMENT_BYTES)


def _error(raw: Raw | None) -> Any:
    """Return an error whole or, if it is large, what says most: its type, its message, and the ends of its stack."""
    if raw is None or len(raw) <= ERROR_BYTES:
        return raw
    error = _parse(raw)
    stack = error.get("stack_trace") or []
    told = {name: cut(value, LINE_BYTES * 4) for name in ("type", "message") if (value := error.get(name))}
    lines = [*stack[:6], CUT, *stack[-4:]] if len(stack) > 10 else stack
    return told | {"stack_trace": [cut(line, LINE_BYTES) for line in lines]} if lines else told
