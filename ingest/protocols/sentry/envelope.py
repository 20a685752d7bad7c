"""An envelope of Sentry's → its items. A line of JSON, then items: a line of JSON each, and a payload. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from msgspec import DecodeError, Struct, json

MOST_ITEMS = 10_000
#: A header that is longer is none.
MOST_OF_A_HEADER = 64 * 2**10


class _Header(Struct):
    dsn: Any = None
    event_id: Any = None


class _ItemHeader(Struct):
    type: str = ""
    length: int | None = None


_header, _item_header = json.Decoder(_Header).decode, json.Decoder(_ItemHeader).decode


@dataclass(frozen=True, slots=True)
class Item:
    """What it is called, and its bytes; `kind` is empty where its header cannot be read."""

    kind: str
    payload: memoryview


def key_in(body: bytes) -> str | None:
    """Return the key in the DSN that the envelope's header names, if it names one."""
    header = _header_of(body)
    dsn = header.dsn if header else None
    try:
        return urlsplit(dsn).username if isinstance(dsn, str) else None
    except ValueError:
        return None


def event_id_of(body: bytes) -> str | None:
    """Return the id that the envelope's header names, "" where it names none; None when the body is no envelope."""
    header = _header_of(body) if body[:1_024].lstrip()[:1] == b"{" else None
    if header is None:
        return None
    return header.event_id if isinstance(header.event_id, str) else ""


def items_of(body: bytes) -> Iterator[Item]:
    """Yield the items; the rest of a body in which one does not end as its header says is that one's."""
    view, at = memoryview(body), _end_of_line(body, 0)
    for _ in range(MOST_ITEMS):
        while body[at : at + 1] in (b"\n", b"\r"):
            at += 1
        if at >= len(body):
            return
        end = _end_of_line(body, at)
        header = _item_header_of(body[at : min(end, at + MOST_OF_A_HEADER)])
        if header is None:
            yield Item("", view[at:end])
            at = end
            continue
        length = header.length
        is_told = length is not None and 0 <= length <= len(body) - end
        at = end + length if is_told and length is not None else _end_of_line(body, end)
        yield Item(header.type, view[end:at])


def _end_of_line(body: bytes, at: int) -> int:
    """Return where the next line begins."""
    found = body.find(b"\n", at)
    return len(body) if found < 0 else found + 1


def _header_of(body: bytes) -> _Header | None:
    try:
        return _header(body[: min(_end_of_line(body, 0), MOST_OF_A_HEADER)])
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _item_header_of(line: bytes) -> _ItemHeader | None:
    try:
        return _item_header(line)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
