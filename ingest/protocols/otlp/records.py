"""One log record of OTLP → an entry, whichever encoding it came in. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from foundation.levels import LevelName
from ingest.fields import ORIGINAL_TIME, SEVERITY_TEXT, entry_of, lines_of, text_of
from ingest.severities import severity_of
from ingest.timestamps import of_nanoseconds
from storage.entry import Entry, EntryError

#: Severity numbers, four a level (OpenTelemetry's data model of logs).
_FIRSTS: tuple[tuple[int, LevelName], ...] = (
    (1, "debug"), (5, "debug"), (9, "info"), (13, "warn"), (17, "error"), (21, "fatal"),
)  # fmt: skip
_BY_NUMBER = {number: level for first, level in _FIRSTS for number in range(first, first + 4)}
ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
_LEVELS, _MESSAGES = ("level", "severity"), ("message", "msg", "log")
_ERROR = ("exception.type", "exception.message", "exception.stacktrace")
_OF_THE_SDK = "telemetry.sdk."


class Source:
    """What a resource and a scope say of all their records."""

    __slots__ = ("environment", "metadata", "now")

    def __init__(self, resource: Mapping[str, Any], scope: Mapping[str, Any], *, now: datetime) -> None:
        kept = {name: value for name, value in resource.items() if not name.startswith(_OF_THE_SDK)}
        self.now = now
        self.environment = next(
            (text for name in ENVIRONMENTS if isinstance(text := kept.get(name), str) and text), None
        )
        self.metadata: dict[str, Any] = {}
        if kept:
            self.metadata["resource"] = kept
        if scope:
            self.metadata["scope"] = scope

    def entry(
        self,
        attributes: dict[str, Any],
        body: Any,
        *,
        nanoseconds: int,
        number: int,
        text: str,
        event_name: str,
        trace_id: str | None,
        span_id: str | None,
    ) -> Entry:
        """Make the entry of a record. `attributes` is used up."""
        timestamp = of_nanoseconds(nanoseconds) if nanoseconds else self.now
        if timestamp is None:
            timestamp = self.now
            attributes[ORIGINAL_TIME] = nanoseconds
        error = _error(attributes)
        entry: Entry | None = None
        if isinstance(body, dict):
            entry = entry_of(body, now=timestamp)
            attributes = {**(entry.metadata or {}), **attributes}
        level = _level(number, text, attributes, entry)
        message = entry.message if entry else "" if body is None else text_of(body)
        if not message:
            message = _message(attributes, event_name, error)
        elif event_name:
            attributes.setdefault("event_name", event_name)
        return Entry(
            timestamp=timestamp,
            level=level,
            message=message,
            environment=self.environment or (entry.environment if entry else None),
            trace_id=trace_id or (entry.trace_id if entry else None),
            span_id=span_id or (entry.span_id if entry else None),
            metadata={**self.metadata, **attributes} or None,
            error=error or (entry.error if entry else None),
        )


def _level(number: int, text: str, attributes: dict[str, Any], body: Entry | None) -> LevelName:
    level = _BY_NUMBER.get(number)
    found = severity_of(text) if text else None
    if found is None and level is None:
        name = next((name for name in _LEVELS if name in attributes), None)
        found = severity_of(attributes[name]) if name else None
        if found and name:
            del attributes[name]
    if found and found[1]:
        attributes.setdefault(SEVERITY_TEXT, found[1])
    return level or (found[0] if found else body.level if body else "info")


def _message(attributes: dict[str, Any], event_name: str, error: EntryError | None) -> str:
    name = next((name for name in _MESSAGES if isinstance(attributes.get(name), str)), None)
    if name:
        return str(attributes.pop(name))
    return event_name or (error.message if error else None) or ""


def _error(attributes: dict[str, Any]) -> EntryError | None:
    if not any(name in attributes for name in _ERROR):
        return None
    name, message, stack = (attributes.pop(one, None) for one in _ERROR)
    return EntryError(
        type=None if name is None else text_of(name),
        message=None if message is None else text_of(message),
        stack_trace=None if stack is None else lines_of(stack if isinstance(stack, str | list) else text_of(stack)),
    )
