"""Sentry's events, logs and feedback → entries. What is not as it should be is left out. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import DecodeError, Struct, json
from msgspec.structs import asdict

from foundation.levels import LevelName
from ingest.fields import ORIGINAL_TIME, SEVERITY_TEXT, text_of
from ingest.protocols.sentry.stacks import Exceptions, Thrown, exceptions_of, lines_of, stack_of, values_of
from ingest.severities import severity_of
from ingest.timestamps import moment_of
from storage.entry import Entry, EntryError

#: What is kept of an event as it is.
KEPT = (
    "event_id", "release", "dist", "logger", "server_name", "platform", "transaction", "culprit", "user", "extra",
)  # fmt: skip
MOST_BREADCRUMBS, MOST_OF_A_CHAIN, FRAMES_OF_A_CAUSE = 30, 20, 60
#: Headers that let somebody in.
SECRET_HEADERS = frozenset(
    {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "x-sentry-auth"}
)
#: Of a log's attributes: those that are said elsewhere, or by every SDK of itself.
_SAID = frozenset(
    {"sentry.environment", "sentry.severity_number", "sentry.severity_text", "sentry.trace.parent_span_id"}
)
_OF_SDKS = "sentry.sdk."


class _Usual(Struct, gc=False):
    """An event as most SDKs write it: nothing is built of what is not kept."""

    event_id: Any = None
    timestamp: Any = None
    level: Any = None
    message: Any = None
    logentry: Any = None
    environment: Any = None
    release: Any = None
    dist: Any = None
    logger: Any = None
    server_name: Any = None
    platform: Any = None
    transaction: Any = None
    culprit: Any = None
    user: Any = None
    extra: Any = None
    tags: Any = None
    request: Any = None
    contexts: Any = None
    sdk: Any = None
    breadcrumbs: Any = None
    fingerprint: Any = None
    threads: Any = None
    stacktrace: Any = None
    exception: Exceptions | None = None


_usual = json.Decoder(_Usual).decode


def read_usual(payload: bytes) -> dict[str, Any] | None:
    """Return what `of_event` wants of an event, for half the time; None where it has another form."""
    try:
        return asdict(_usual(payload))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def of_event(event: dict[str, Any], *, now: datetime) -> Entry:
    """Make an entry of an error, or of a message that was captured."""
    platform = _text(event.get("platform")) or ""
    exceptions = exceptions_of(event.get("exception"))
    level, said = _level(event.get("level"), otherwise="error")
    message = _message(event, exceptions)
    error = _error(event, exceptions, platform)
    if error is None and level not in ("debug", "info", "warn"):
        error = _error_without_exception(event, platform, message)
    metadata = _metadata(event)
    if said:
        metadata[SEVERITY_TEXT] = said
    return _entry(event, metadata, now=now, level=level, message=message, error=error)


def of_log(log: dict[str, Any], *, now: datetime) -> Entry:
    """Make an entry of one of the items of a `log`."""
    given = log.get("attributes")
    attributes = {
        name: one["value"] if isinstance(one, dict) and "value" in one else one
        for name, one in (given.items() if isinstance(given, dict) else ())
    }
    level, said = _level(log.get("level", log.get("severity_number")), otherwise="info", is_otel="level" not in log)
    kept = {name: value for name, value in attributes.items() if name not in _SAID and not name.startswith(_OF_SDKS)}
    if "sentry.release" in kept:
        kept["release"] = kept.pop("sentry.release")
    if said:
        kept[SEVERITY_TEXT] = said
    entry = Entry(
        timestamp=now,
        level=level,
        message=text_of(log.get("body", "")),
        environment=_text(attributes.get("sentry.environment")),
        trace_id=_text(log.get("trace_id")),
        span_id=_text(log.get("span_id")) or _text(attributes.get("sentry.trace.parent_span_id")),
        metadata=kept or None,
    )
    return _at(log.get("timestamp"), entry)


def of_feedback(event: dict[str, Any], *, now: datetime) -> Entry:
    """Make an entry of what a user has said: an event with it among its contexts, or an older report."""
    contexts = event.get("contexts")
    said = contexts.get("feedback") if isinstance(contexts, dict) else None
    about = said if isinstance(said, dict) else {name: event.get(name) for name in ("comments", "name", "email")}
    message = _text(about.get("message")) or _text(about.get("comments")) or ""
    rest = {name: value for name, value in about.items() if name not in ("message", "comments") and value is not None}
    metadata = _metadata(event) | {"feedback": rest}
    return _entry(event, metadata, now=now, level="info", message=message, error=None)


def _entry(
    event: Mapping[str, Any],
    metadata: dict[str, Any],
    *,
    now: datetime,
    level: LevelName,
    message: str,
    error: EntryError | None,
) -> Entry:
    trace = metadata.get("contexts", {}).pop("trace", None)
    trace = dict(trace) if isinstance(trace, dict) else {}
    ids = {name: _text(trace.pop(name, None)) for name in ("trace_id", "span_id", "parent_span_id")}
    if more := {name: value for name, value in trace.items() if value not in (None, "", {}, [])}:
        metadata["contexts"]["trace"] = more
    if not metadata.get("contexts", True):
        del metadata["contexts"]
    entry = Entry(
        timestamp=now,
        level=level,
        message=message,
        environment=_text(event.get("environment")),
        trace_id=ids["trace_id"],
        span_id=ids["span_id"],
        parent_span_id=ids["parent_span_id"],
        metadata=metadata or None,
        error=error,
    )
    return _at(event.get("timestamp"), entry)


def _at(time: Any, entry: Entry) -> Entry:
    moment = moment_of(time)
    if moment is not None:
        entry.timestamp = moment
    elif time is not None:
        entry.metadata = {ORIGINAL_TIME: time, **(entry.metadata or {})}
    return entry


def _level(value: Any, *, otherwise: LevelName, is_otel: bool = False) -> tuple[LevelName, str | None]:
    if is_otel and isinstance(value, int):
        return _OF_OTEL[min(max(value - 1, 0) // 4, 5)] if value > 0 else otherwise, None
    return severity_of(value) or (otherwise, None)


#: By fours (OpenTelemetry's logs data model, SeverityNumber).
_OF_OTEL: tuple[LevelName, ...] = ("debug", "debug", "info", "warn", "error", "fatal")


def _message(event: Mapping[str, Any], exceptions: list[Thrown]) -> str:
    for given in (event.get("logentry"), event.get("message")):
        if isinstance(given, dict):
            given = _text(given.get("formatted")) or _text(given.get("message"))
        if isinstance(given, str) and given:
            return given
    if exceptions:
        last = exceptions[-1]
        if said := ": ".join(filter(None, (_text(last.type), _said(last)))):
            return said
    return _text(event.get("transaction")) or _text(event.get("culprit")) or ""


def _error(event: Mapping[str, Any], exceptions: list[Thrown], platform: str) -> EntryError | None:
    if not exceptions:
        return None
    *earlier, last = exceptions
    stack = lines_of(last.stacktrace, platform=platform) or _stack_beside(event, platform)
    return EntryError(
        type=_text(last.type),
        message=_said(last),
        stack_trace=stack or None,
        fingerprint=_fingerprint(event.get("fingerprint")),
        context=_context(last, earlier, platform) or None,
    )


def _error_without_exception(event: Mapping[str, Any], platform: str, message: str) -> EntryError | None:
    stack, fingerprint = _stack_beside(event, platform), _fingerprint(event.get("fingerprint"))
    if not stack and not fingerprint:
        return None
    return EntryError(message=message, stack_trace=stack or None, fingerprint=fingerprint)


def _context(last: Thrown, earlier: list[Thrown], platform: str) -> dict[str, Any]:
    context: dict[str, Any] = {}
    mechanism = last.mechanism
    if isinstance(mechanism, dict):
        context |= {"mechanism": mechanism["type"]} if isinstance(mechanism.get("type"), str) else {}
        context |= {"handled": mechanism["handled"]} if isinstance(mechanism.get("handled"), bool) else {}
    if isinstance(module := last.module, str) and module:
        context["module"] = module
    if earlier:  # the nearest cause first
        context["chain"] = [_cause(one, platform) for one in reversed(earlier[-MOST_OF_A_CHAIN:])]
    return context


def _cause(exception: Thrown, platform: str) -> dict[str, Any]:
    stack = lines_of(exception.stacktrace, platform=platform)
    is_python = platform == "python"
    cut = stack[-FRAMES_OF_A_CAUSE:] if is_python else stack[:FRAMES_OF_A_CAUSE]
    found = {"type": _text(exception.type), "message": _said(exception), "stack_trace": cut}
    return {name: value for name, value in found.items() if value}


def _stack_beside(event: Mapping[str, Any], platform: str) -> list[str]:
    """Return the stack of the thread that failed, where an exception has none."""
    threads = values_of(event.get("threads"))
    found = next((one for one in threads if one.get("crashed") or one.get("current")), None)
    beside = found.get("stacktrace") if found else event.get("stacktrace")
    return lines_of(stack_of(beside), platform=platform)


def _said(exception: Thrown) -> str | None:
    return None if exception.value is None else text_of(exception.value) or None


def _fingerprint(given: Any) -> str | None:
    """Join its parts; none where it asks for nothing but what everybody has."""
    if isinstance(given, str):
        given = [given]
    parts = [text_of(part) for part in given if part is not None] if isinstance(given, list) else []
    return None if [part.replace(" ", "") for part in parts] in ([], ["{{default}}"]) else " ".join(parts)


def _metadata(event: Mapping[str, Any]) -> dict[str, Any]:
    contexts, request = event.get("contexts"), event.get("request")
    sdk, crumbs = event.get("sdk"), values_of(event.get("breadcrumbs"))
    found: dict[str, Any] = {
        **{name: value for name in KEPT if (value := event.get(name))},
        "tags": _tags(event.get("tags")),
        "request": _request(request) if isinstance(request, dict) else None,
        "contexts": {name: one for name, one in contexts.items() if name != "feedback"}
        if isinstance(contexts, dict)
        else None,
        "breadcrumbs": crumbs[-MOST_BREADCRUMBS:],
        "sdk": sdk.get("name") if isinstance(sdk, dict) else None,
    }
    return {name: value for name, value in found.items() if value}


def _tags(given: Any) -> dict[str, Any]:
    """Return tags by their names; some SDKs write pairs."""
    if isinstance(given, dict):
        return given
    pairs = [one for one in given if isinstance(one, list) and len(one) == 2] if isinstance(given, list) else []
    return {name: value for name, value in pairs if isinstance(name, str)}


def _request(request: dict[str, Any]) -> dict[str, Any]:
    """Leave out what lets somebody in."""
    kept = {name: value for name, value in request.items() if value and name != "cookies"}
    headers = _tags(kept.get("headers"))
    if headers:
        kept["headers"] = {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
    return kept


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
