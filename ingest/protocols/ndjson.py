"""`POST /v1/ndjson`: JSON objects of anybody's, one a line or in an array, up to 100,000; what is wrong keeps no other.

Entries of our own form are among them, and the quickest. Also one object, `{"logs": [...]}`, a form, and plain lines.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from foundation.openapi import TEXT, list_of
from foundation.refusals import Refusal
from ingest.agents import MAX_READ_BYTES, AgentProtocol, Draft, receipt_time
from ingest.description import ENTRY, sending
from ingest.fields import NONE, Overrides, entry_of
from ingest.objects import elements, lines_of, object_of, readable
from ingest.protocol import Head, Kept, Reply, Wishes
from storage.entry import Entry

#: Blank lines cost time too.
MAX_LINES = 200_000
MAX_FORM_FIELDS = 1_000
FORM = "application/x-www-form-urlencoded"
#: What Python's `HTTPHandler` writes into its form for no stack, no exception, no name.
NOTHING = "None"
DESCRIPTION = """\
One JSON object a line, or one array; entries as in `POST /v1/logs`, or objects of any form: what they call message,
time and level is found by the names in use, or by `message_field`, `time_field` and `level_field` in the address.
Everything is made to fit; what is no JSON object is rejected, and keeps no other.
"""


class _Own(Entry, forbid_unknown_fields=True):
    """An entry of our own form, and nothing else."""


class _Envelope(Struct):
    logs: Raw = Raw()


_own = json.Decoder(_Own).decode
_envelope = json.Decoder(_Envelope).decode


class Ndjson(AgentProtocol):
    """Pointers of errors count the entries from 0: `/3`."""

    name = "ndjson"
    media_types = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"})
    knows_repetitions = True
    wants_entries = True
    describe = staticmethod(
        sending(
            "ingest_ndjson",
            "Send log entries, one a line",
            description=DESCRIPTION,
            request={"application/json": list_of(ENTRY, minItems=1), "application/x-ndjson": TEXT},
        )
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterable[Draft]:  # noqa: ARG002
        now, head = receipt_time(), wishes.head
        overrides = _overrides(head)
        if head.media_type == FORM:
            yield entry_of(_form(body), now=now, overrides=overrides)
            return
        text = readable(body)
        plain = head.media_type == "text/plain"
        lines = lines_of(text, at_most=MAX_LINES) if plain else self._elements(text)
        is_own = True
        for index, line in enumerate(lines):
            if is_own and not overrides and len(line) <= MAX_READ_BYTES:
                try:
                    yield _own(line)
                    continue
                except (DecodeError, RecursionError):  # most senders write one form
                    is_own = False
            found = object_of(line, now=now)
            if isinstance(found, dict):
                is_own = not overrides and found.keys() <= _OWN_NAMES
                yield entry_of(found, now=now, overrides=overrides)
            elif isinstance(found, Entry):
                yield found
            elif plain:
                yield Entry(timestamp=now, level="info", message=bytes(line).decode())
            else:
                yield replace(found, pointer=f"/{index}")

    def answer(self, kept: Kept) -> Reply:
        return super().answer(replace(kept, wishes=replace(kept.wishes, lenient=True)))

    def _elements(self, text: bytes) -> Iterable[Raw | bytes]:
        beginning = text[:1_024].lstrip()
        if beginning[:1] == b"[":
            return elements(text, at_most=self.max_entries)
        if beginning[:1] == b"{" and (logs := _logs(text)) is not None:
            return logs
        return lines_of(text, at_most=MAX_LINES)


_OWN_NAMES = frozenset(Entry.__struct_fields__)


def _overrides(head: Head) -> Overrides:
    given = {name: head.parameters.get(f"{name}_field") or None for name in ("time", "message", "level")}
    return Overrides(**given) if any(given.values()) else NONE


def _form(body: bytes) -> dict[str, Any]:
    try:
        given = parse_qsl(body.decode(errors="replace"), max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise Refusal("invalid_payload", f"A form may have at most {MAX_FORM_FIELDS:,} fields.") from error
    return {name: value for name, value in given if value != NOTHING}


def _logs(text: bytes) -> Iterable[Raw | bytes] | None:
    """Return the entries of a body that is one object; nothing when it is one of several."""
    try:
        envelope = _envelope(text)
    except (ValidationError, DecodeError, RecursionError):
        return None
    if bytes(memoryview(envelope.logs)[:1]) == b"[":
        return elements(envelope.logs, at_most=100_000)
    return [text]


NDJSON = Ndjson()
