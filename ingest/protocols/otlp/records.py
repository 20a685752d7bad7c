"""One log record of OTLP → an entry, whichever encoding it came in. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Raw

from foundation.levels import LevelName
from ingest.canonical import encode, is_deeper
from ingest.fields import ORIGINAL_TIME, SEVERITY_TEXT, entry_of, text_of
from ingest.severities import severity_of
from ingest.stacks import lines_of
from ingest.timestamps import of_nanoseconds
from storage.entry import Entry, EntryError

#: Severity numbers, four a level (OpenTelemetry's data model of logs).
_FIRSTS: tuple[tuple[int, LevelName], ...] = (
    (1, "debug"), (5, "debug"), (9, "info"), (13, "warn"), (17, "error"), (21, "fatal"),
)  # fmt: skip
_BY_NUMBER = {number: level for first, level in _FIRSTS for number in range(first, first + 4)}
ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
_LEVELS, _MESSAGES = ("level", "severity"), ("message", "msg", "log")
_PARTS_OF_AN_ERROR = ("exception.type", "exception.message", "exception.stacktrace")
_ERROR = frozenset(_PARTS_OF_AN_ERROR)
MOST_LEVELS = 256
#: What all records share is written once, unless it is nested so deeply that a limit might be broken.
SHALLOW_LEVELS = 8
_OF_THE_SDK = "telemetry.sdk."


class Source:
    """What a resource and a scope say of all their records."""

    __slots__ = ("_levels", "environment", "metadata", "now")

    def __init__(self, resource: Mapping[str, Any], scope: Mapping[str, Any], *, now: datetime) -> None:
        kept = {name: value for name, value in resource.items() if not name.startswith(_OF_THE_SDK)}
        self.now = now
        self.environment = next(
            (text for name in ENVIRONMENTS if isinstance(text := kept.get(name), str) and text), None
        )
        self.metadata: dict[str, Any] = {}
        self._levels: dict[tuple[int, str], LevelName] = {}  # which say nothing that should be kept beside
        if kept:
            self.metadata["resource"] = _written(kept)
        if scope:
            self.metadata["scope"] = _written(scope)

    def entry(
        self,
        metadata: dict[str, Any],
        body: Any,
        nanoseconds: int,
        number: int,
        text: str,
        event_name: str,
        trace_id: str | None,
        span_id: str | None,
    ) -> Entry:
        """Make the entry of a record. `metadata` is ours with its attributes, and becomes the entry's."""
        timestamp = of_nanoseconds(nanoseconds) if nanoseconds else self.now
        if timestamp is None:
            timestamp = self.now
            metadata[ORIGINAL_TIME] = nanoseconds
        error = None if _ERROR.isdisjoint(metadata) else _error(metadata)
        if body.__class__ is dict:
            return self._entry_of_map(entry_of(body, now=timestamp), metadata, error, number, text, trace_id, span_id)
        level = self._levels.get((number, text)) or self._level(number, text, metadata, "info")
        message = body if body.__class__ is str else "" if body is None else text_of(body)
        if not message:
            message = _message(metadata, event_name, error)
        elif event_name:
            metadata.setdefault("event_name", event_name)
        return Entry(
            timestamp, level, message, self.environment, None, trace_id, span_id, None, None, metadata or None, error
        )

    def _entry_of_map(
        self,
        entry: Entry,
        attributes: dict[str, Any],
        error: EntryError | None,
        number: int,
        text: str,
        trace_id: str | None,
        span_id: str | None,
    ) -> Entry:
        """Add what a record says beside its body, a map, to the entry that that is."""
        entry.level = self._level(number, text, attributes, entry.level)
        entry.environment = self.environment or entry.environment
        entry.trace_id, entry.span_id = trace_id or entry.trace_id, span_id or entry.span_id
        entry.error = error or entry.error
        entry.metadata = {**(entry.metadata or {}), **attributes} or None
        return entry

    def _level(self, number: int, text: str, attributes: dict[str, Any], otherwise: LevelName) -> LevelName:
        level = _BY_NUMBER.get(number)
        found = severity_of(text) if text else None
        if found is None and level is None:
            name = next((name for name in _LEVELS if name in attributes), None)
            found = severity_of(attributes[name]) if name else None
            if found and name:
                del attributes[name]
        if found and found[1]:
            attributes.setdefault(SEVERITY_TEXT, found[1])
        elif level and len(self._levels) < MOST_LEVELS:
            self._levels[number, text] = level
        return level or (found[0] if found else otherwise)


def _written(shared: Mapping[str, Any]) -> Any:
    """Return what many entries have in their metadata as it is written; what cannot be written as it is."""
    try:
        return shared if is_deeper(shared, levels=SHALLOW_LEVELS) else Raw(encode(shared))
    except (OverflowError, RecursionError, UnicodeEncodeError):
        return shared


def _message(attributes: dict[str, Any], event_name: str, error: EntryError | None) -> str:
    name = next((name for name in _MESSAGES if isinstance(attributes.get(name), str)), None)
    if name:
        return str(attributes.pop(name))
    return event_name or (error.message if error else None) or ""


def _error(attributes: dict[str, Any]) -> EntryError:
    name, message, stack = (attributes.pop(one, None) for one in _PARTS_OF_AN_ERROR)
    return EntryError(
        type=None if name is None else text_of(name),
        message=None if message is None else text_of(message),
        stack_trace=None if stack is None else lines_of(stack if isinstance(stack, str | list) else text_of(stack)),
    )
