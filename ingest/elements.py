"""JSON values that should be entries of ours, one by one: the entries among them, and what is wrong with the others.

Neither memory nor the answer depends on how bad the rest of a body is.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from msgspec import DecodeError, Raw, ValidationError, defstruct, json
from msgspec.structs import astuple

from foundation.levels import BY_NAME
from foundation.numbers import shorten
from foundation.refusals import FieldError, Refusal
from ingest.canonical import MAX_ENTRY_TEXT_BYTES, Doubt, canonical_lines, encode, too_deep, too_large
from ingest.inspection import inspect
from ingest.protocol import Incoming, Wishes
from storage.entry import Entry

MAX_ERRORS = 20
_entry = json.Decoder(Entry)


def elements_of(text: Raw | bytes, *, at_most: int) -> list[Raw]:
    """Return the JSON of the elements of a list: at most one more than `at_most`.

    Raises: `ValidationError` when it is no list, `DecodeError` when it is no JSON.
    """
    slots = astuple(_slots(at_most).decode(text))
    return list(slots[: bisect_left(slots, True, key=_is_empty)])


def sift(
    elements: Sequence[Raw | bytes], wishes: Wishes, *, pointer: str = "", broken: FieldError | None = None
) -> Incoming:
    """Read the elements, whose place is below `pointer`, all or nothing unless leniency is wished for.

    Raises: Refusal, with up to 20 errors by JSON pointer; `DecodeError` for an element that is no JSON, unless there is
    something to say of `broken` ones.
    """
    lines: list[bytes] = []
    errors: list[FieldError] = []
    rejected: Counter[str] = Counter()
    below_level = 0
    for index, raw in enumerate(elements):
        found = _read(raw, broken)
        if isinstance(found, list):
            rejected[found[0].code] += 1
            if len(errors) < MAX_ERRORS:
                errors += [replace(error, pointer=f"{pointer}/{index}{error.pointer}") for error in found]
            if len(errors) >= MAX_ERRORS and not wishes.lenient:
                break
        elif BY_NAME[found.level] < wishes.minimum_level:
            below_level += 1
        else:
            lines.append(shorten(encode(found)))
    if errors and not (wishes.lenient and rejected.total() < len(elements)):
        raise refusal(*errors[:MAX_ERRORS])
    return Incoming(entries=lines, rejected_by_code=rejected, below_level=below_level, errors=errors[:MAX_ERRORS])


def refusal(*errors: FieldError) -> Refusal:
    """Say what is wrong in words: `/logs/3/level` is logs[3].level."""
    place = re.sub(r"/(\d+)", r"[\1]", errors[0].pointer).replace("/", ".").removeprefix(".") or "The body"
    return Refusal(errors[0].code, f"{place} {errors[0].detail}.", errors=errors)


def _is_empty(slot: Raw) -> bool:
    return not len(slot)


@cache
def _slots(size: int) -> json.Decoder[Any]:
    """Return a decoder of a list's elements. A list would grow with whatever is sent; this holds one too many."""
    slots = [(f"element_{index}", Raw, Raw()) for index in range(size + 1)]
    return json.Decoder(defstruct("Slots", slots, array_like=True))


def _read(raw: Raw | bytes, broken: FieldError | None) -> Entry | list[FieldError]:
    try:
        text = raw if len(raw) <= MAX_ENTRY_TEXT_BYTES else json.format(raw, indent=-1)
        return [too_large("", MAX_ENTRY_TEXT_BYTES)] if len(text) > MAX_ENTRY_TEXT_BYTES else _read_text(text)
    except RecursionError:
        return [too_deep("")]
    except DecodeError:
        if broken is None:
            raise
        return [broken]


def _read_text(text: Raw | bytes) -> Entry | list[FieldError]:
    try:
        entry = _entry.decode(text)
        canonical_lines([entry])
    except (ValidationError, OverflowError, RecursionError, Doubt):
        return inspect(text)
    return entry
