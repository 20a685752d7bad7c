"""Splunk's HTTP event collector: what Docker's driver, fluent-bit, Vector, the Collector and loggers send."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import Raw, Struct, json

from foundation.openapi import INTEGER, TEXT, shape
from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_ENTRIES, AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.fields import ORIGINAL_TIME, entry_of
from ingest.objects import lines_of, object_in, object_of, readable
from ingest.protocol import NO_HEAD, Head, Kept, Reply, Wishes
from ingest.rows import at_once, objects_in_a_row
from ingest.timestamps import moment_of
from storage.entry import Entry

#: What there is about an event, beside it.
ABOUT = ("host", "source", "sourcetype", "index")
LEVELS = ("level", "severity")
OTEL_LEVEL = "otel.log.severity.text"
NO_EVENT = FieldError(pointer="", code="field_required", detail="has no event")
#: Its words and codes, by ours; and by the status of all others.
BY_CODE = {
    "missing_api_key": (401, "Token is required", 2),
    "invalid_api_key": (403, "Invalid token", 4),
    "forbidden": (403, "Token disabled", 1),
    "empty_batch": (400, "No data", 5),
    "field_required": (400, "Event field is required", 12),
}
BY_STATUS = {
    400: ("Invalid data format", 6),
    413: ("Request entity too large", 27),
    429: ("Server is busy", 9),
    500: ("Internal server error", 8),
    503: ("Server is busy", 9),
}
ABOUT_HEALTH = {True: (200, "HEC is healthy", 17), False: (503, "HEC is unhealthy, queues are full", 18)}
NO_ACKNOWLEDGEMENT = (400, "ACK is disabled", 14)
MAX_LINES = 2 * MAX_ENTRIES
DESCRIPTION = """\
Splunk's HTTP event collector: JSON objects one after another, with or without anything between them, as Docker's
driver, fluent-bit, Vector and loggers send them. An event that is an object, or the text of one, is opened. Also at
`/services/collector` and `/services/collector/event/1.0`. What is no JSON object is left out, and keeps no other.
"""
DESCRIPTION_OF_RAW = """\
Splunk's HTTP event collector, plain lines: one entry each; `time`, `host`, `source`, `sourcetype` and `index` are in
the address. Also at `/services/collector/raw/1.0`.
"""
_ANSWER = shape(text=TEXT, code=INTEGER, optional={"invalid-event-number": INTEGER})


class _Event(Struct, gc=False):
    event: Any = None
    time: Any = None
    fields: dict[str, Any] | None = None
    host: Any = None
    source: Any = None
    sourcetype: Any = None
    index: Any = None


_events = json.Decoder(list[_Event]).decode


def _describing(operation_id: str, summary: str, description: str, request: dict[str, Any]) -> Any:
    return sending_as(
        operation_id,
        summary,
        description=description,
        request=request,
        answers={(200, "application/json"): OpenApiResponse(_ANSWER, "Everything is on disk.")},
        refusal={"application/json": _ANSWER},
    )


class Splunk(AgentProtocol):
    """Docker's driver starts no container unless OPTIONS is answered 200, and wants exactly 200 of an event."""

    name = "splunk"
    wants_entries = True
    asked_ahead_status = 200
    describe = staticmethod(
        _describing(
            "ingest_splunk",
            "Send events as to Splunk",
            DESCRIPTION,
            {"application/json": shape(event={"type": "object"}, optional={"time": TEXT, "host": TEXT})},
        )
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now, text = receipt_time(), readable(body)
        events = at_once(text, _events)
        if events is not None and all(event.event is not None for event in events):
            for event in events:
                yield _entry_of(event, now)
            return
        for index, raw in enumerate(objects_in_a_row(text, at_most=self.max_entries)):
            found = object_of(raw, now=now) if isinstance(raw, bytes | Raw) else raw
            draft = _read(found, now=now) if isinstance(found, dict) else found
            yield draft if isinstance(draft, Entry) else replace(draft, pointer=f"/{index}")

    def answer(self, kept: Kept) -> Reply:  # noqa: ARG002
        return said(200, "Success", 0)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        found = BY_CODE.get(refusal.code)
        if found is None:
            text, code = BY_STATUS.get(refusal.status, (refusal.detail, refusal.status))
            found = (refusal.status, text, code)
        reply = said(*found, number=_number_of(refusal) if found[0] == 400 else None)
        return replace(reply, headers=refusal.headers)


class SplunkRaw(Splunk):
    """Lines, and what the address says of all of them."""

    describe = staticmethod(
        _describing("ingest_splunk_raw", "Send lines as to Splunk", DESCRIPTION_OF_RAW, {"text/plain": TEXT})
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now, given = receipt_time(), wishes.head.parameters
        time, *about = (given.get(name) or None for name in ("time", *ABOUT))
        for line in lines_of(readable(body), at_most=MAX_LINES):
            yield _entry_of(_Event(bytes(line).decode(), time, None, *about), now)


def said(status: int, text: str, code: int, *, number: int | None = None) -> Reply:
    """Return an answer in its words."""
    members: dict[str, Any] = {"text": text, "code": code}
    if number is not None:
        members["invalid-event-number"] = number
    return Reply(body=json.encode(members), status=status)


def _number_of(refusal: Refusal) -> int | None:
    number = refusal.errors[0].pointer.lstrip("/") if refusal.errors else ""
    return int(number) if number.isdecimal() else None


def _read(given: dict[str, Any], *, now: datetime) -> Draft:
    if "event" not in given:  # it is the event itself
        return entry_of(given, now=now) if given else NO_EVENT
    if given["event"] is None:
        return NO_EVENT
    more = given.get("fields")
    about = (given.get(name) for name in ABOUT)
    return _entry_of(_Event(given["event"], given.get("time"), more if isinstance(more, dict) else None, *about), now)


def _entry_of(given: _Event, now: datetime) -> Entry:
    fields = given.fields or {}
    if OTEL_LEVEL in fields and "level" not in fields:
        fields["level"] = fields.pop(OTEL_LEVEL)
    for name in ABOUT:
        if (value := getattr(given, name)) is not None:
            fields.setdefault(name, value)
    event = given.event
    opened = event if isinstance(event, dict) else object_in(event, now=now)
    if opened is None:
        fields["message"] = event
    else:
        if isinstance(line := opened.get("line"), dict):  # of Docker's driver, where it opens lines itself
            opened = opened | line
            del opened["line"]
        if not opened.keys().isdisjoint(LEVELS):
            fields = {name: value for name, value in fields.items() if name not in LEVELS}
        fields |= opened
    return _at(given.time, fields, now)


def _at(time: Any, fields: dict[str, Any], now: datetime) -> Entry:
    """Return the entry, at the time of its event; at that which it says itself where there is none."""
    moment = None if time is None else moment_of(time)
    entry = entry_of(fields, now=moment or now)
    if moment is not None:
        entry.timestamp = moment
    elif time is not None:
        entry.metadata = {ORIGINAL_TIME: time, **(entry.metadata or {})}
    return entry


SPLUNK, SPLUNK_RAW = Splunk(), SplunkRaw()
