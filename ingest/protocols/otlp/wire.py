"""`ExportLogsServiceRequest` of opentelemetry-proto 1.x → entries: protobuf, and its JSON mapping.

Its numbers of fields are a promise (they never change); what else is in a message is stepped over.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from foundation.refusals import FieldError, Refusal
from ingest.agents import CHUNK, MAX_ENTRIES, MAX_READ_BYTES, Draft, unread
from ingest.inspection import is_absent
from ingest.objects import elements, object_of, patiently
from ingest.protobuf import PIECE_BYTES, Walk, messages, parse
from ingest.protocols.otlp.records import Source
from ingest.protocols.otlp.values import Pairs, body_of, json_pairs, json_value

_MESSAGES = messages(
    "otlp",
    {
        "ScopeLogs": {"scope": (1, "bytes"), "records": (2, "[Record]")},
        "Record": {
            "time": (1, "fixed64"),
            "severity_number": (2, "int32"),
            "severity_text": (3, "bytes"),
            "body": (5, "bytes"),
            "attributes": (6, "[bytes]"),
            "trace_id": (9, "bytes"),
            "span_id": (10, "bytes"),
            "observed": (11, "fixed64"),
            "event_name": (12, "bytes"),
        },
        "Attributed": {"attributes": (1, "[bytes]")},
        "Scope": {"name": (1, "bytes"), "version": (2, "bytes"), "attributes": (3, "[bytes]")},
    },
)
_ScopeLogs, _Resource, _Scope = _MESSAGES["ScopeLogs"], _MESSAGES["Attributed"], _MESSAGES["Scope"]
BROKEN = FieldError(pointer="", code="invalid_payload", detail="is no log record")
#: What a scope or a resource may take to be read at all.
MAX_SOURCE_BYTES = MAX_READ_BYTES


def from_protobuf(body: bytes, *, now: datetime) -> Iterator[Draft]:
    """Yield the records of a request. Raises: `Refusal`."""
    return chain.from_iterable(_groups(body, now))


def _groups(body: bytes, now: datetime) -> Iterator[Sequence[Draft]]:
    """Yield them in groups: handed on one by one they cost more."""
    walk, pairs = Walk(body), Pairs()
    for number, start, end in walk.fields():
        if number == 1:
            yield from _of_resource(walk, start, end, pairs, now)


def _of_resource(walk: Walk, start: int, end: int, pairs: Pairs, now: datetime) -> Iterator[Sequence[Draft]]:
    resource: dict[str, Any] = {}
    scopes = []
    for number, begin, stop in walk.fields(start, end):
        if number == 1:
            resource = _attributes(_Resource, walk.body[begin:stop], pairs)
        elif number == 2:
            scopes.append((begin, stop))
    for begin, stop in scopes:
        yield from _of_scope(walk, begin, stop, resource, pairs, now)


def _of_scope(
    walk: Walk, start: int, end: int, resource: dict[str, Any], pairs: Pairs, now: datetime
) -> Iterator[Sequence[Draft]]:
    source = None
    if end - start > PIECE_BYTES:  # in pieces: the scope may come in any of them
        scope = next((walk.body[s:e] for number, s, e in walk.fields(start, end) if number == 1), b"")
        source = Source(resource, _scope(scope, pairs), now=now)
    for piece, is_large in walk.pieces(start, end, large_bytes=MAX_READ_BYTES):
        if is_large:
            yield [unread(piece, now=now)]
            continue
        found = parse(_ScopeLogs, piece)
        source = source or Source(resource, _scope(found.scope, pairs), now=now)
        records = found.records
        for first in range(0, len(records), CHUNK):
            yield [_entry(record, source, pairs) for record in records[first : first + CHUNK]]


def _entry(record: Any, source: Source, pairs: Pairs) -> Draft:
    text, event_name, trace_id, span_id = record.severity_text, record.event_name, record.trace_id, record.span_id
    return source.entry(
        pairs.read(record.attributes[:], source.metadata),  # a list at once: its elements one by one take twice as long
        body_of(record.body),
        record.time or record.observed,
        record.severity_number,
        pairs.texts.get(text) or pairs.text(text),
        pairs.text(event_name) if event_name else "",
        _hex(trace_id) if trace_id else None,
        _hex(span_id) if span_id else None,
    )


def _attributes(message: Any, raw: bytes, pairs: Pairs) -> dict[str, Any]:
    return pairs.read(parse(message, raw).attributes) if len(raw) <= MAX_SOURCE_BYTES else {}


def _scope(raw: bytes, pairs: Pairs) -> dict[str, Any]:
    if not raw or len(raw) > MAX_SOURCE_BYTES:
        return {}
    scope = parse(_Scope, raw)
    told = {"name": scope.name.decode(errors="replace"), "version": scope.version.decode(errors="replace")}
    return {name: text for name, text in told.items() if text} | pairs.read(scope.attributes)


def _hex(raw: bytes) -> str | None:
    return raw.hex() if raw and raw.strip(b"\0") else None


class Request(Struct):
    """A request in JSON, as far as to its resources; `logs` is ours and no request's."""

    resourceLogs: Raw = Raw()
    resource_logs: Raw = Raw()
    logs: Raw = Raw()


request_of = json.Decoder(Request).decode
_object = json.Decoder(dict[str, Raw]).decode
_any = json.Decoder().decode


def from_json(text: bytes, *, now: datetime) -> Iterator[Draft]:
    """Yield the records of a request in JSON, of a list of them, or of one a line. Raises: `Refusal`."""
    for request in _requests(text):
        for resource_logs in _list(request, "resourceLogs", "resource_logs"):
            yield from _of_json_resource(resource_logs, now)


def _requests(text: bytes) -> Iterable[Raw | bytes]:
    if text[:64].lstrip()[:1] == b"[":
        return elements(text, at_most=MAX_ENTRIES)
    try:
        request_of(text)
    except RecursionError as error:
        raise Refusal("nesting_too_deep") from error
    except ValidationError as error:
        raise Refusal("invalid_payload") from error
    except DecodeError as error:
        lines = [line for line in text.split(b"\n", MAX_ENTRIES) if line.strip()]
        if len(lines) > 1 and all(line.lstrip()[:1] == b"{" for line in lines):
            return lines
        if len(text) > MAX_READ_BYTES:
            raise Refusal("malformed_json") from error
        try:
            return [json.encode(patiently(text))]
        except (ValueError, RecursionError) as patient_error:
            raise Refusal("malformed_json") from patient_error
    return [text]


def _of_json_resource(raw: Raw, now: datetime) -> Iterator[Draft]:
    resource = _part(raw, "resource")
    attributes = json_pairs(resource.get("attributes")) if isinstance(resource, dict) else {}
    for scope_logs in _list(raw, "scopeLogs", "scope_logs"):
        source = Source(attributes, _json_scope(_part(scope_logs, "scope")), now=now)
        for record in _list(scope_logs, "logRecords", "log_records"):
            found = object_of(record, now=now)
            yield _json_entry(found, source) if isinstance(found, dict) else found


def _json_entry(record: dict[str, Any], source: Source) -> Draft:
    def given(name: str, other: str) -> Any:
        value = record.get(name)
        return record.get(other) if value is None else value

    text, event_name = given("severityText", "severity_text"), given("eventName", "event_name")
    return source.entry(
        {**source.metadata, **json_pairs(record.get("attributes"))},
        json_value(record.get("body")),
        _integer(given("timeUnixNano", "time_unix_nano"))
        or _integer(given("observedTimeUnixNano", "observed_time_unix_nano")),
        _severity(given("severityNumber", "severity_number")),
        text if isinstance(text, str) else "",
        event_name if isinstance(event_name, str) else "",
        _json_id(given("traceId", "trace_id")),
        _json_id(given("spanId", "span_id")),
    )


def _json_scope(scope: Any) -> dict[str, Any]:
    if not isinstance(scope, dict):
        return {}
    told = {name: scope[name] for name in ("name", "version") if isinstance(scope.get(name), str) and scope[name]}
    return told | json_pairs(scope.get("attributes"))


def _part(raw: Raw | bytes, name: str) -> Any:
    """Return the value of a name in an object; nothing where it is too large, or cannot be read."""
    try:
        part = _object(raw).get(name, Raw())
        return _any(part) if 0 < len(part) <= MAX_SOURCE_BYTES else None
    except (DecodeError, RecursionError):
        return None


def _list(raw: Raw | bytes, *names: str) -> Iterable[Raw]:
    """Return the elements of a list in an object, by whichever of its names. Raises: `Refusal`."""
    try:
        parts = _object(raw)
    except RecursionError as error:
        raise Refusal("nesting_too_deep") from error
    except ValidationError as error:
        raise Refusal("invalid_payload") from error
    except DecodeError as error:
        raise Refusal("malformed_json") from error
    found = next((parts[name] for name in names if name in parts), None)
    if found is None or is_absent(found):
        return []
    return elements(found, at_most=MAX_ENTRIES)


def _integer(value: Any) -> int:
    if isinstance(value, str):
        return int(value) if value.isdecimal() and value.isascii() and len(value) < 21 else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _severity(value: Any) -> int:
    """Return the number; some write the enumeration's name, `SEVERITY_NUMBER_WARN2`: its text tells as much."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _json_id(value: Any) -> str | None:
    """Return an id in hex; by protobuf's own JSON mapping it would be Base64."""
    if not isinstance(value, str) or not value.strip("0"):
        return None
    if len(value) in (12, 24) and value.endswith("="):
        try:
            return _hex(b64decode(value, validate=True))
        except Base64Error:
            return value
    return value.lower()
