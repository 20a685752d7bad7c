"""A body of the published API → canonical lines, one an entry.

Two ways, one verdict: a small body is decoded in one go; a large one, and any body with something wrong in it,
entry by entry, so that neither memory nor the answer depends on how bad the rest of the body is.
"""

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from foundation.levels import BY_NAME
from foundation.refusals import FieldError, Refusal
from ingest.canonical import MAX_ENTRIES, MAX_ENTRY_TEXT_BYTES, Doubt, canonical_lines
from ingest.elements import elements_of, refusal, sift
from ingest.inspection import is_absent
from ingest.protocol import Incoming, Wishes
from ingest.repair import BACKSLASH, BOM, ESCAPED_NUL, replace_unstorable, require_utf8, without_bom
from storage.entry import Entry

#: A body that could not hold an entry too large to look at is decoded in one go.
WHOLE_BYTES = MAX_ENTRY_TEXT_BYTES
#: Objects and lists of a body that is read at once: each costs as much as a hundred bytes of text.
MOST_BRACKETS = 512


class _Batch(Struct, gc=False):
    logs: list[Entry]


class _Envelope(Struct, gc=False):
    logs: Raw = Raw()
    api_key: Raw = Raw()


_batch = json.Decoder(_Batch)
_envelope = json.Decoder(_Envelope)
_string = json.Decoder(str)
_any = json.Decoder(Raw)


def parse_batch(body: bytes, *, lenient: bool = False, minimum_level: int = 0) -> Incoming:
    """Validate a body and bring its entries into canonical form, all or nothing unless `lenient`.

    Raises: Refusal, with up to 20 errors by JSON pointer.
    """
    wishes = Wishes(lenient=lenient, minimum_level=minimum_level)
    text = without_bom(body)
    require_utf8(text)
    if BACKSLASH in text and ESCAPED_NUL in text:
        text = replace_unstorable(text)
    try:
        return _parse(text, wishes=wishes)
    except DecodeError:
        return _parse_repaired(text, wishes=wishes)


def parse_at_once(body: bytes, *, minimum_level: int, at_most: int) -> Incoming | None:
    """Do so with a body in which nothing is wrong or out of the ordinary; None for any other."""
    if body.startswith(BOM) or ESCAPED_NUL in body or body.count(b"{") + body.count(b"[") > MOST_BRACKETS:
        return None
    try:
        require_utf8(body)
        return _parse_whole(body, minimum_level=minimum_level, at_most=at_most, at_a_glance=True)
    except (DecodeError, OverflowError, RecursionError, Doubt, Refusal):
        return None


def legacy_api_key(body: bytes) -> str | None:
    """Return the deprecated `api_key` of a body without reading its entries; None when there is none to be found."""
    text = without_bom(body)
    for candidate in (text, replace_unstorable(text)):
        try:
            return _string.decode(_envelope.decode(candidate).api_key)
        except (ValidationError, UnicodeDecodeError, RecursionError):
            return None
        except DecodeError:  # of an absent key, too
            continue
    return None


def _parse(text: bytes, *, wishes: Wishes) -> Incoming:
    if len(text) <= WHOLE_BYTES:
        try:
            return _parse_whole(text, minimum_level=wishes.minimum_level)
        except (ValidationError, OverflowError, RecursionError, Doubt):
            pass
    return sift(_elements(text), wishes, pointer="/logs")


def _parse_repaired(text: bytes, *, wishes: Wishes) -> Incoming:
    """Give a body that is not JSON a second chance: lone surrogates are refused by the decoder, but not by us."""
    repaired = replace_unstorable(text)
    if repaired == text:
        raise Refusal("malformed_json")
    try:
        return _parse(repaired, wishes=wishes)
    except DecodeError as error:
        raise Refusal("malformed_json") from error


def _parse_whole(text: bytes, *, minimum_level: int, at_most: int = MAX_ENTRIES, at_a_glance: bool = False) -> Incoming:
    entries = _batch.decode(text).logs
    if not 1 <= len(entries) <= at_most:
        raise Doubt
    lines = canonical_lines(entries, at_a_glance=at_a_glance)
    if minimum_level:
        lines = [line for line, entry in zip(lines, entries, strict=True) if BY_NAME[entry.level] >= minimum_level]
    return Incoming(entries=lines, below_level=len(entries) - len(lines))


def _elements(text: bytes) -> list[Raw]:
    """Return the JSON of each element of `logs`."""
    try:
        logs = _logs(text)
    except RecursionError as error:
        raise Refusal("nesting_too_deep", "The body is nested too deeply.") from error
    if is_absent(logs):
        raise refusal(FieldError(pointer="/logs", code="field_required", detail="is required"))
    try:
        elements = elements_of(logs, at_most=MAX_ENTRIES)
    except ValidationError as error:
        raise refusal(FieldError(pointer="/logs", code="invalid_payload", detail="must be a list")) from error
    if not elements:
        raise refusal(FieldError(pointer="/logs", code="empty_batch", detail="must hold at least one entry"))
    if len(elements) > MAX_ENTRIES:
        detail = f"may hold at most {MAX_ENTRIES:,} entries"
        raise refusal(FieldError(pointer="/logs", code="too_many_entries", detail=detail))
    return elements


def _logs(text: bytes) -> Raw:
    try:
        return _envelope.decode(text).logs
    except ValidationError as error:
        _any.decode(text)  # DecodeError, if it is not even JSON
        raise refusal(FieldError(pointer="", code="invalid_payload", detail="must be an object")) from error
