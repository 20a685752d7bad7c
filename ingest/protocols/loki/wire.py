"""Bodies of Loki's push API → entries. A stream has labels and lines; a line may have metadata, or be JSON itself."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from foundation.levels import LevelName
from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_ENTRIES, MAX_READ_BYTES, Draft, too_many, unread
from ingest.fields import ORIGINAL_TIME, SEVERITY_TEXT, entry_of
from ingest.inspection import is_absent
from ingest.objects import elements, object_in, object_of, patiently
from ingest.protobuf import PIECE_BYTES, Walk, messages, parse
from ingest.severities import severity_of
from ingest.timestamps import moment_of, of_nanoseconds
from storage.entry import Entry

LEVELS = ("level", "severity", "detected_level", "lvl")
TRACES = ("trace_id", "traceID", "traceid")
_SPECIAL = frozenset(LEVELS + TRACES)
ENVIRONMENTS = ("env", "environment", "deployment_environment", "namespace")
_LABEL = re.compile(r'([a-zA-Z_][\w.]*)\s*=\s*"((?:[^"\\]++|\\.)*+)"', re.ASCII | re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
#: A list up to this size is read at once.
AT_ONCE_BYTES = 2**20
BROKEN = FieldError(pointer="", code="invalid_payload", detail="is no entry of a stream")

_MESSAGES = messages(
    "loki",
    {
        "Stream": {"labels": (1, "bytes"), "entries": (2, "[Entry]")},
        "Entry": {"timestamp": (1, "Timestamp"), "line": (2, "bytes"), "metadata": (3, "[Pair]")},
        "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
        "Pair": {"name": (1, "bytes"), "value": (2, "bytes")},
    },
)
_Stream = _MESSAGES["Stream"]


class _Push(Struct):
    streams: Raw = Raw()


class _JsonStream(Struct):
    stream: Any = None
    labels: Any = None
    values: Raw = Raw()
    entries: Raw = Raw()


_push, _stream, _any = json.Decoder(_Push).decode, json.Decoder(_JsonStream).decode, json.Decoder().decode


@dataclass(frozen=True, slots=True)
class _Labels:
    """A stream's labels, and what they say of each of its entries."""

    metadata: dict[str, Any]
    level: tuple[LevelName, str | None] | None
    environment: str | None
    trace_id: str | None


class Reader:
    """Reads one body."""

    def __init__(self, *, now: datetime, tenant: str | None = None) -> None:
        self._now = now
        self._of_all: dict[str, Any] = {"tenant": tenant} if tenant else {}
        self._text = lru_cache(maxsize=1_024)(_text)

    def from_protobuf(self, body: bytes) -> Iterator[Draft]:
        """Yield the entries of a `PushRequest`. Raises: `Refusal`."""
        walk = Walk(body)
        for index, (number, start, end) in enumerate(walk.fields()):
            if index > MAX_ENTRIES:
                raise too_many()
            if number == 1:
                yield from self._from_stream(walk, start, end)

    def from_json(self, body: bytes) -> Iterator[Draft]:
        """Yield the entries of a push in JSON, of either version. Raises: `Refusal`."""
        try:
            streams = _push(body).streams
        except ValidationError as error:
            raise Refusal("invalid_payload") from error
        except RecursionError as error:
            raise Refusal("nesting_too_deep") from error
        except DecodeError as error:
            streams = self._patiently(body, error)
        for raw in _list(streams):
            yield from self._from_json_stream(raw)

    def _patiently(self, body: bytes, error: DecodeError) -> Raw:
        if len(body) > MAX_READ_BYTES:
            raise Refusal("malformed_json") from error
        try:
            return _push(json.encode(patiently(body))).streams
        except (ValueError, RecursionError) as patient_error:
            raise Refusal("malformed_json") from patient_error

    def _from_stream(self, walk: Walk, start: int, end: int) -> Iterator[Draft]:
        labels = None
        if end - start > PIECE_BYTES:  # in pieces: the labels may come in any of them
            text = next((walk.body[s:e] for number, s, e in walk.fields(start, end) if number == 1), b"")
            labels = self._labels(labels_of(text[:MAX_READ_BYTES].decode(errors="replace")))
        for piece, is_large in walk.pieces(start, end, large_bytes=MAX_READ_BYTES):
            if is_large:
                yield unread(piece, now=self._now)
                continue
            stream = parse(_Stream, piece)
            labels = labels or self._labels(labels_of(stream.labels.decode(errors="replace")))
            for entry in stream.entries:
                at = entry.timestamp
                seconds = at.seconds
                moment = of_nanoseconds(seconds * 1_000_000_000 + at.nanos) if seconds else None
                pairs = {self._text(pair.name): self._text(pair.value) for pair in entry.metadata}
                yield self._entry(moment, entry.line.decode("utf-8", "replace"), pairs, labels)

    def _from_json_stream(self, raw: Raw) -> Iterator[Draft]:
        try:
            stream = _stream(raw)
        except (DecodeError, RecursionError):
            yield BROKEN
            return
        given = stream.stream if isinstance(stream.stream, dict) else labels_of(str(stream.labels or ""))
        labels = self._labels(given)
        for value in self._values(stream.values):
            yield self._from_value(value, labels)
        for value in _list(stream.entries):
            yield self._from_old(value, labels)

    def _values(self, raw: Raw) -> Iterable[Any]:
        """Return the values of a stream: a short list's at once, and of a long one each when its turn comes."""
        if not 0 < len(raw) <= AT_ONCE_BYTES:
            return map(_value_of, _list(raw))
        values = _any(raw)
        return values if isinstance(values, list) else []

    def _from_value(self, value: Any, labels: _Labels) -> Draft:
        if value.__class__ is not list or len(value) < 2 or value[1].__class__ is not str:
            return unread(bytes(value), now=self._now) if isinstance(value, Raw) else BROKEN
        at, line = value[0], value[1]
        pairs = value[2] if len(value) > 2 and isinstance(value[2], dict) else {}
        return self._entry(_moment(at), line, pairs, labels, original=at)

    def _from_old(self, raw: Raw, labels: _Labels) -> Draft:
        found = object_of(raw, now=self._now)
        if isinstance(found, dict) and isinstance(line := found.get("line"), str):
            at = found.get("ts", found.get("timestamp"))
            return self._entry(_moment(at), line, {}, labels, original=at)
        return BROKEN if isinstance(found, dict) else found

    def _labels(self, labels: Mapping[str, Any]) -> _Labels:
        metadata = {"labels": dict(labels), **self._of_all} if labels else self._of_all
        return _Labels(
            metadata,
            _severity(labels),
            _first(labels, ENVIRONMENTS),
            _first(labels, TRACES),
        )

    def _entry(
        self, moment: datetime | None, line: str, pairs: dict[str, Any], labels: _Labels, *, original: Any = None
    ) -> Entry:
        severity, trace_id, metadata = labels.level, labels.trace_id, labels.metadata
        if pairs:
            if not _SPECIAL.isdisjoint(pairs):
                severity = _severity(pairs) or severity
                trace_id = _first(pairs, TRACES) or trace_id
            metadata = {**metadata, **pairs}
        if line[:1] == "{" and (entry := self._from_line(line, moment)):
            entry.metadata = {**metadata, **entry.metadata} if entry.metadata else metadata or None
            entry.level = severity[0] if severity else entry.level
            entry.environment = entry.environment or labels.environment
            entry.trace_id = entry.trace_id or trace_id
        else:
            level = severity[0] if severity else "info"
            entry = Entry(
                moment or self._now, level, line, labels.environment, None, trace_id, None, None, None, metadata or None
            )
        if severity and severity[1]:
            entry.metadata = {SEVERITY_TEXT: severity[1], **(entry.metadata or {})}
        if moment is None and original is not None:
            entry.metadata = {**(entry.metadata or {}), ORIGINAL_TIME: original}
        return entry

    def _from_line(self, line: str, moment: datetime | None) -> Entry | None:
        """Return the entry that a line of JSON is, at the stream's time; None when it is none."""
        found = object_in(line, now=self._now)
        if found is None:
            return None
        entry = entry_of(found, now=moment or self._now)
        if moment is not None:
            entry.timestamp = moment
        return entry


def _value_of(raw: Raw) -> Any:
    """Return the value; one that is too large as it is."""
    if len(raw) > MAX_READ_BYTES:
        return raw
    try:
        return _any(raw)
    except (DecodeError, RecursionError):
        return None


def labels_of(text: str) -> dict[str, str]:
    """Return the labels of `{a="b", c="d"}`; what cannot be read is one label that says all."""
    labels = {
        found[1]: _ESCAPED.sub(lambda escaped: _UNESCAPED.get(escaped[1], escaped[1]), found[2])
        if "\\" in found[2]
        else found[2]
        for found in _LABEL.finditer(text)
    }
    return labels if labels or not text.strip("{} ") else {"labels": text}


def _list(raw: Raw) -> Iterable[Raw]:
    if is_absent(raw):
        return []
    return elements(raw, at_most=MAX_ENTRIES)


def _moment(at: Any) -> datetime | None:
    if type(at) is str and len(at) == 19 and at.isdecimal() and at.isascii():
        return of_nanoseconds(int(at))
    return moment_of(at)


def _severity(texts: Mapping[str, Any]) -> tuple[LevelName, str | None] | None:
    return next((found for name in LEVELS if name in texts and (found := severity_of(texts[name]))), None)


def _first(texts: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if isinstance(text := texts.get(name), str) and text), None)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
