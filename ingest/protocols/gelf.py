"""GELF over HTTP, Graylog's: an object, or several, ended by lines or NUL; what graypy, Vector and loggers send."""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import json

from foundation.openapi import TEXT, shape
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.fields import entry_of
from ingest.objects import readable
from ingest.protocol import NO_HEAD, Head, Kept, Reply, Wishes
from ingest.rows import dicts
from ingest.severities import severity_of
from ingest.stacks import lines_of
from storage.entry import Entry

#: Of these GELF's own stand, and no field of the sender's.
OWN = frozenset({"message", "timestamp", "level", "full_message", "host", "facility", "stack_trace"})
#: What nobody asks for has this name.
GONE = ""
MOST_NAMES = 64
#: Levels at which a long message is the stack of an error.
OF_ERRORS = ("error", "fatal", "panic")
DESCRIPTION = """\
GELF over HTTP, as Graylog takes it: one object, or several, each on a line or before a NUL. `short_message` is the
message, `full_message` of an error its stack trace; `_name` is `name` in the metadata. Also below `/ingest`.
"""


class Gelf(AgentProtocol):
    """An answer of success has no body."""

    name = "gelf"
    wants_entries = True
    describe = staticmethod(
        sending_as(
            "ingest_gelf",
            "Send GELF messages",
            description=DESCRIPTION,
            request={"application/json": shape(version=TEXT, host=TEXT, short_message=TEXT)},
            answers={202: OpenApiResponse(description="Everything is on disk.")},
            refusal={"application/json": shape(type=TEXT, message=TEXT)},
        )
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now = receipt_time()
        text = readable(body.replace(b"\0", b"\n") if b"\0" in body else body)
        for found in dicts(text, now=now):
            yield _entry_of(found, now=now) if isinstance(found, dict) else found

    def answer(self, kept: Kept) -> Reply:  # noqa: ARG002
        return Reply(body=b"", media_type="", status=202)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        body = json.encode({"type": "ApiError", "message": refusal.detail})
        return Reply(body=body, status=refusal.status, headers=refusal.headers)


def _entry_of(given: dict[str, Any], *, now: datetime) -> Entry:
    names = tuple(given)
    ours, is_long = _ours(names) if len(names) <= MOST_NAMES else _ours.__wrapped__(names)
    fields = dict(zip(ours, given.values(), strict=False))
    fields.pop(GONE, None)
    if is_long:
        _place_full(fields)
    return entry_of(fields, now=now)


@lru_cache(maxsize=1_024)
def _ours(names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return what we call the fields of a message, and whether a long one is among them."""
    return tuple(_our_name(name, names) for name in names), "full_message" in names


def _our_name(name: str, names: Collection[str]) -> str:
    if name in ("_id", "version"):
        return GONE
    if name == "short_message":
        return "message"
    if name == "message" and "short_message" in names:
        return "_message"
    return name if name[:1] != "_" or name[1:] in OWN else name[1:]


def _place_full(fields: dict[str, Any]) -> None:
    """Have the long message be the stack of an error, if it is one; the message, if there is no other."""
    full = fields.pop("full_message")
    if fields.get("message") is None:
        fields["message"] = full
    elif isinstance(full, str) and full not in ("", fields["message"]):
        severity = severity_of(fields.get("level"))
        is_stack = severity is not None and severity[0] in OF_ERRORS and len(lines_of(full)) > 1
        fields["stack_trace" if is_stack else "full_message"] = full


GELF = Gelf()
