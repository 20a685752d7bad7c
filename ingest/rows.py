"""JSON objects one after another, with white space or nothing between them (`}{`): found without a decoder's help."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from msgspec import DecodeError, Raw, json

from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_ENTRIES, MAX_READ_BYTES, too_many
from ingest.objects import BROKEN, elements, object_of
from storage.entry import Entry

#: Between two objects; and sometimes in a text.
_BETWEEN = re.compile(rb"\}\s*\{")
#: What matters for where an object ends: texts, which may hold brackets, and brackets. None backtracks.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}]', re.DOTALL)
_BEGINNING = re.compile(rb"\{")
#: How often an object that does not end is given up, and looking goes on at the next line.
MOST_GIVEN_UP = 100
#: A body up to this size is made a list; of a larger one no further copy is made.
AS_A_LIST_BYTES = 16 * 2**20
#: Objects and lists that are made before anybody has counted; a list shows in the first bytes.
MOST_AT_ONCE, BEGINNING_BYTES = 20_000, 1_024

Found = TypeVar("Found")

_dicts = json.Decoder(list[dict[str, Any]]).decode


def dicts(text: bytes, *, now: datetime) -> Iterator[dict[str, Any] | Entry | FieldError]:
    """Yield the objects, or the elements of a list: an entry for one that is too large, or what is wrong with one.

    Raises: `Refusal` for too many.
    """
    found = at_once(text, _dicts)
    if found is not None:
        yield from found
        return
    for index, one in enumerate(objects_in_a_row(text)):
        read = one if isinstance(one, FieldError) else object_of(one, now=now)
        yield replace(read, pointer=f"/{index}") if isinstance(read, FieldError) else read


def at_once(text: bytes, decode: Callable[[bytes], list[Found]]) -> list[Found] | None:
    """Return what `decode` makes of the objects, or of a list; None for what is large, or has anything wrong in it."""
    if len(text) > MAX_READ_BYTES or text.count(b"{") + text.count(b"[") > MOST_AT_ONCE:
        return None
    is_list = text[:BEGINNING_BYTES].lstrip()[:1] == b"["
    listed, replaced = (text, 0) if is_list else _BETWEEN.subn(b"},{", text)
    try:
        found = decode(listed if is_list else b"[%b]" % listed)
    except (DecodeError, RecursionError):
        return None
    # else a text held what looks like the end of one and the beginning of another
    return found if is_list or len(found) == replaced + 1 else None


def objects_in_a_row(text: bytes, *, at_most: int = MAX_ENTRIES) -> Sequence[Raw] | Iterator[bytes | FieldError]:
    """Return the objects, or the elements of a list; an error for what is neither. Raises: `Refusal` for too many."""
    bare = text.strip()
    if bare[:1] == b"[":
        return elements(bare, at_most=at_most)
    if len(bare) > AS_A_LIST_BYTES:
        return _one_by_one(bare, at_most=at_most)
    listed, replaced = _BETWEEN.subn(b"},{", bare)
    try:
        found = elements(b"[%b]" % listed, at_most=at_most)
    except Refusal as refusal:
        if refusal.status != 400:
            raise
        return _one_by_one(bare, at_most=at_most)
    return found if len(found) == replaced + bool(bare) else _one_by_one(bare, at_most=at_most)


def _one_by_one(text: bytes, *, at_most: int) -> Iterator[bytes | FieldError]:
    at = given_up = found = 0
    while beginning := _BEGINNING.search(text, at):
        if text[at : beginning.start()].strip():
            yield BROKEN
        end = _end(text, beginning.start())
        found += 1
        if found > at_most:
            raise too_many()
        if end is not None:
            yield text[beginning.start() : end]
            at = end
            continue
        yield BROKEN
        at, given_up = _next_line(text, beginning.start()), given_up + 1
        if given_up == MOST_GIVEN_UP:
            return
    if text[at:].strip():
        yield BROKEN


def _end(text: bytes, start: int) -> int | None:
    """Return where the object ends that begins at `start`."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0] == b"{":
            depth += 1
        elif token[0] == b"}":
            depth -= 1
            if not depth:
                return token.end()
    return None


def _next_line(text: bytes, at: int) -> int:
    end = text.find(b"\n", at)
    return len(text) if end < 0 else end + 1
