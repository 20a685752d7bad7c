"""A JSON object of anybody's → an entry: which of its names mean the message, the time, the level, the error. Pure.

Names are flat (`log.level`) or nested (`{"log": {"level": …}}`), as of the Elastic Common Schema. What means none of
these is metadata, under its own name. Nothing here is an error: what cannot be read is said in the metadata.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from msgspec import json

from foundation.levels import LevelName
from ingest.severities import severity_of
from ingest.stacks import add_stack, is_of_javascript
from ingest.timestamps import moment_of
from storage.entry import Entry, EntryError

ORIGINAL_TIME, SEVERITY_TEXT = "luminalog.original_time", "severity_text"
#: What an entry is made of, and the names for it; of several in one object the first here is taken.
_NAMES = {
    "message": "message msg log text body line event @message MESSAGE short_message event.original",
    "time": "@timestamp timestamp time ts date datetime eventTime ISODATE created",
    "level": "log.level level severity loglevel levelname lvl severity_text LEVEL PRIORITY",
    "environment": "service.environment environment deployment.environment labels.env env",
    "trace_id": "trace_id traceId traceID traceid trace.id",
    "span_id": "span_id spanId spanID spanid span.id transaction.id",
    "parent_span_id": "parent_span_id parentSpanId parent.id",
    "project_id": "project_id",
    "privacy_mode": "privacy_mode",
    "error": "err error exception",
    "error.type": "error.type exception.type",
    "error.message": "error.message exception.message",
    "error.stack_trace": "error.stack_trace exception.stacktrace exc_info stack_trace stacktrace",
    # winston's name; by others a text that is no stack
    "error.stack": "stack",
    "metadata": "metadata",
}
_PLACES = {name: place for place, names in _NAMES.items() for name in names.split()}
_RANKS = {name: rank for rank, name in enumerate(chain.from_iterable(map(str.split, _NAMES.values())))}
#: Objects that may hold some of these, and which: `{"log": {"level": …}}`.
_NESTED: dict[str, tuple[str, ...]] = {}
for _name in _PLACES:
    _outer, _, _inner = _name.partition(".")
    if _inner:
        _NESTED[_outer] = (*_NESTED.get(_outer, ()), _inner)
#: In the order of an entry's fields.
_TEXTS = ("environment", "project_id", "trace_id", "span_id", "parent_span_id")
_ARGUMENTS = {place: number for number, place in enumerate(_TEXTS)}
_NO_TEXTS: list[str | None] = [None] * len(_TEXTS)
_INFO: tuple[LevelName, None] = ("info", None)
MOST_NAMES_OF_A_PLAN = 64
_ERROR_TYPES, _ERROR_MESSAGES = ("type", "name", "class"), ("message", "msg")
_ERROR_STACKS = ("stack", "stack_trace", "stacktrace")

_encode = json.Encoder().encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """Names that a sender's address gives for time, message and level, before those that we know."""

    time: str | None = None
    message: str | None = None
    level: str | None = None

    def __bool__(self) -> bool:
        return bool(self.time or self.message or self.level)


NONE = Overrides()


def entry_of(fields: dict[str, Any], *, now: datetime, overrides: Overrides = NONE) -> Entry:
    """Make an entry of an object; `now` is its time where it has none. `fields` is used up."""
    return (_plain_entry(fields, now) if overrides is NONE else None) or _entry(fields, now, overrides)


@lru_cache(maxsize=1_024)
def _plan(names: tuple[str, ...]) -> tuple[str, str | None, str | None, tuple[tuple[int, str], ...]] | None:
    """Return which of an object's names are its message, time, level and short texts.

    None when others of an entry are among them, or such as may hold some of an entry.
    """
    if not _NESTED.keys().isdisjoint(names):
        return None
    found = _found(dict.fromkeys(names, ""))
    if "message" not in found or not found.keys() <= {"message", "time", "level", *_TEXTS}:
        return None
    texts = tuple((_ARGUMENTS[place], found[place]) for place in _TEXTS if place in found)
    return found["message"], found.get("time"), found.get("level"), texts


def _plain_entry(fields: dict[str, Any], now: datetime) -> Entry | None:
    """Do what `_entry` does for an object whose values are as they usually are, in half the time; else None."""
    plan = _plan(tuple(fields)) if len(fields) <= MOST_NAMES_OF_A_PLAN else None
    if plan is None:
        return None
    message, time, level, texts = plan
    text = fields[message]
    moment = now if time is None else moment_of(fields[time])
    severity = severity_of(fields[level]) if level is not None else _INFO
    if text.__class__ is not str or moment is None or severity is None or severity[1] is not None:
        return None
    arguments = _NO_TEXTS
    if texts:
        given = _texts_in(fields, texts)
        if given is None:
            return None
        arguments = given
    del fields[message]
    if time is not None:
        del fields[time]
    if level is not None:
        del fields[level]
    environment, project_id, trace_id, span_id, parent_span_id = arguments
    return Entry(
        moment, severity[0], text, environment, project_id, trace_id, span_id, parent_span_id, None, fields or None
    )


def _texts_in(fields: dict[str, Any], texts: tuple[tuple[int, str], ...]) -> list[str | None] | None:
    """Take short texts to their places; None where one is none."""
    if any(fields[name].__class__ is not str for _, name in texts):
        return None
    arguments = [*_NO_TEXTS]
    for place, name in texts:
        arguments[place] = fields.pop(name) or None
    return arguments


def _entry(fields: dict[str, Any], now: datetime, overrides: Overrides) -> Entry:
    found = _given(_found(fields), fields, overrides) if overrides else _found(fields)
    whole = None if "message" in found else text_of(fields)
    timestamp = _time(fields, found, now)
    level = _level(fields, found)
    error = _error(fields, found)
    message = _message(fields, found)
    if message is None:
        message = (error.message if error else None) or whole or text_of(fields)
    texts = {place: _short_text(fields, found[place]) for place in _TEXTS if place in found}
    private = fields.pop("privacy_mode") if isinstance(fields.get("privacy_mode"), bool) else None
    metadata = fields
    if "metadata" in found and isinstance(inner := fields.get("metadata"), dict):
        del fields["metadata"]
        metadata = inner | fields
    return Entry(
        timestamp=timestamp,
        level=level,
        message=message,
        privacy_mode=private,
        metadata=metadata or None,
        error=error,
        **texts,
    )


def _given(found: Mapping[str, str], fields: Mapping[str, Any], overrides: Overrides) -> dict[str, str]:
    """Return `found` with the names that are given. One name stands for one thing: for what is given, the last here."""
    given = {overrides.level: "level", overrides.time: "time", overrides.message: "message"}
    places = {place: name for name, place in given.items() if name is not None and name in fields}
    return {place: name for place, name in found.items() if name not in given} | places


def text_of(value: Any) -> str:
    """Return what is no text as compact JSON, and a text as it is."""
    return value if isinstance(value, str) else _encode(value).decode()


def _found(fields: dict[str, Any]) -> dict[str, str]:
    """Return which name of `fields` stands for what; nested ones are made flat first. Null means absent."""
    found: dict[str, str] = {}
    nested: list[str] = []
    absent: list[str] = []
    for name, value in fields.items():
        if type(value) is dict and name in _NESTED:
            nested.append(name)
            if _PLACES.get(name) == "message":
                continue
        place = _PLACES.get(name)
        if place is None:
            continue
        if value is None:
            absent.append(name)
        elif place not in found or _RANKS[name] < _RANKS[found[place]]:
            found[place] = name
    for name in absent:
        del fields[name]
    return _found(fields) if nested and _flatten(fields, nested) else found


def _flatten(fields: dict[str, Any], outers: list[str]) -> bool:
    """Take what has a place in an entry out of objects; tell whether there was anything."""
    was_any = False
    for outer in outers:
        value = fields[outer]
        if outer in ("error", "exception") and _is_error(value):
            continue  # it is looked at as a whole
        inners = [inner for inner in _NESTED[outer] if inner in value and f"{outer}.{inner}" not in fields]
        for inner in inners:
            fields[f"{outer}.{inner}"] = value.pop(inner)
            was_any = True
        if inners and not value:
            del fields[outer]
    return was_any


def _time(fields: dict[str, Any], found: Mapping[str, str], now: datetime) -> datetime:
    name = found.get("time")
    if name is None:
        return now
    original = fields.pop(name)
    moment = moment_of(original)
    if moment is None:
        fields[ORIGINAL_TIME] = original
    return moment or now


def _level(fields: dict[str, Any], found: Mapping[str, str]) -> LevelName:
    name = found.get("level")
    severity = severity_of(fields[name]) if name is not None else None
    if severity is None:
        return "info"
    del fields[name]  # type: ignore[arg-type]
    level, text = severity
    if text is not None and SEVERITY_TEXT not in fields:
        fields[SEVERITY_TEXT] = text
    return level


def _message(fields: dict[str, Any], found: Mapping[str, str]) -> str | None:
    name = found.get("message")
    return None if name is None else text_of(fields.pop(name))


def _short_text(fields: dict[str, Any], name: str) -> str | None:
    """Take a text; what is none stays in the metadata."""
    value = fields[name]
    if isinstance(value, str):
        return fields.pop(name) or None
    return None


def _error(fields: dict[str, Any], found: Mapping[str, str]) -> EntryError | None:
    error = None
    whole = found.get("error")
    if whole and isinstance(fields[whole], dict) and _is_error(fields[whole]):
        error = _error_of(fields.pop(whole))
    parts = {
        place: found[f"error.{place}"] for place in ("type", "message", "stack_trace") if f"error.{place}" in found
    }
    if "error.stack" in found and is_of_javascript(fields["stack"]):
        parts.setdefault("stack_trace", "stack")
    texts = {place: fields[name] for place, name in parts.items() if isinstance(fields[name], str | list)}
    if not texts:
        return error
    error = error or EntryError()
    for place, value in texts.items():
        if place == "stack_trace":
            add_stack(error, value)
        elif isinstance(value, str):
            setattr(error, place, getattr(error, place) or value)
        else:
            continue
        del fields[parts[place]]
    return error


def _is_error(value: Mapping[str, Any]) -> bool:
    return any(isinstance(value.get(name), str) for name in (*_ERROR_TYPES, *_ERROR_MESSAGES, *_ERROR_STACKS))


def _error_of(value: dict[str, Any]) -> EntryError:
    error = EntryError(
        type=_pop_text(value, _ERROR_TYPES),
        message=_pop_text(value, _ERROR_MESSAGES),
        fingerprint=_pop_text(value, ("fingerprint",)),
    )
    stack = next((value.pop(name) for name in _ERROR_STACKS if isinstance(value.get(name), str | list)), None)
    if stack is not None:
        add_stack(error, stack)
    context = value.pop("context", None)
    error.context = (context if isinstance(context, dict) else {"context": context} if context else {}) | value or None
    return error


def _pop_text(value: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((value.pop(name) for name in names if isinstance(value.get(name), str)), None)
