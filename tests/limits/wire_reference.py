"""The contract once more, in plain Python and the standard library's JSON: what the wire is compared with.

Slow and simple on purpose, and written without a look at the code under test.
"""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from math import isinf
from typing import Any

LEVELS = ["debug", "info", "warn", "error", "fatal", "panic"]
SHORT = ["environment", "project_id", "trace_id", "span_id", "parent_span_id"]
DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)


class Bad(Exception):
    """The body as a whole is refused."""


class OutOfRange:
    """A number that no double and no integer of ours can hold."""


def judge(body: bytes) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the canonical entries that are valid, and (pointer, code) of everything wrong. Raises: Bad."""
    logs = _logs(_load(body))
    kept, wrong = [], []
    for index, entry in enumerate(logs):
        errors: list[tuple[str, str]] = []
        canonical = _entry(entry, errors)
        if errors:
            wrong += [(f"/logs/{index}{pointer}", code) for pointer, code in errors]
        else:
            kept.append(canonical)
    return kept, wrong


def _load(body: bytes) -> Any:
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Bad("invalid_encoding") from None
    try:
        return _clean(
            json.loads(
                text, parse_constant=_no_constant, parse_int=_integer, parse_float=_float, object_pairs_hook=_object_of
            )
        )
    except ValueError:
        raise Bad("malformed_json") from None
    except RecursionError:
        raise Bad("nesting_too_deep") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _integer(text: str) -> Any:
    return int(text) if len(text.lstrip("-")) <= 4300 else OutOfRange()


def _float(text: str) -> Any:
    return OutOfRange() if isinf(float(text)) else float(text)


def _object_of(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    """Let the last of duplicate names win, and remember a bad number even if it lost."""
    kept: dict[Any, Any] = dict(pairs)
    if any(_has_out_of_range(value) for _, value in pairs):
        kept[OutOfRange] = OutOfRange()
    return kept


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    return value


def _logs(body: Any) -> list[Any]:
    if not isinstance(body, dict):
        raise Bad("invalid_payload")
    logs = body.get("logs")
    if logs is None:
        raise Bad("field_required")
    if not isinstance(logs, list):
        raise Bad("invalid_payload")
    if not logs:
        raise Bad("empty_batch")
    if len(logs) > 1000:
        raise Bad("too_many_entries")
    return logs


def _entry(entry: Any, errors: list[tuple[str, str]]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        errors.append(("", "invalid_type"))
        return {}
    given = {name: value for name, value in entry.items() if value is not None}
    errors += [(f"/{name}", "field_required") for name in ("timestamp", "level", "message") if name not in given]
    kept: dict[str, Any] = {}
    for name, (allows, code) in {
        "timestamp": (_moment, "invalid_timestamp"),
        "level": (_level, "invalid_level"),
    }.items():
        if name in given:
            kept[name] = allows(given[name])
            if kept[name] is None:
                errors.append((f"/{name}", code))
    _texts(given, kept, ["message", *SHORT], "", errors)
    _values(given, kept, errors)
    if not errors:
        _sizes(kept, errors)
    return kept


def _level(name: Any) -> str | None:
    return name if name in LEVELS else None


def _values(given: dict[str, Any], kept: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    if "privacy_mode" in given:
        kept["privacy_mode"] = given["privacy_mode"]
        if not isinstance(given["privacy_mode"], bool):
            errors.append(("/privacy_mode", "invalid_type"))
    if "metadata" in given:
        kept["metadata"] = _object(given["metadata"], "/metadata", errors)
    if "error" in given:
        kept["error"] = _error(given["error"], errors)


def _error(error: Any, errors: list[tuple[str, str]]) -> Any:
    if not isinstance(error, dict):
        errors.append(("/error", "invalid_type"))
        return None
    given = {name: value for name, value in error.items() if value is not None}
    kept: dict[str, Any] = {}
    _texts(given, kept, ["type", "message"], "/error", errors)
    if "stack_trace" in given:
        kept["stack_trace"] = lines = given["stack_trace"]
        if not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
            errors.append(("/error/stack_trace", "invalid_type"))
    if "context" in given:
        kept["context"] = _object(given["context"], "/error/context", errors)
    _texts(given, kept, ["fingerprint"], "/error", errors)
    return kept


def _texts(
    given: dict[str, Any], kept: dict[str, Any], names: list[str], pointer: str, errors: list[tuple[str, str]]
) -> None:
    for name in names:
        if name in given:
            kept[name] = given[name]
            if not isinstance(given[name], str):
                errors.append((f"{pointer}/{name}", "invalid_type"))


def _object(value: Any, pointer: str, errors: list[tuple[str, str]]) -> Any:
    if not isinstance(value, dict):
        errors.append((pointer, "invalid_type"))
    elif _has_out_of_range(value):
        errors.append((pointer, "number_out_of_range"))
    return value


def _has_out_of_range(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(map(_has_out_of_range, value))
    return isinstance(value, OutOfRange)


def _sizes(kept: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    for name, limit in [("message", 10_240), *((short, 128) for short in SHORT)]:
        if len(kept.get(name, "").encode()) > limit:
            errors.append((f"/{name}", "field_too_large"))
    metadata, error = kept.get("metadata", {}), kept.get("error", {})
    if depth(metadata) > 64:
        errors.append(("/metadata", "nesting_too_deep"))
    elif len(compact(metadata)) > 102_400:
        errors.append(("/metadata", "field_too_large"))
    if depth(error) > 64:
        errors.append(("/error/context", "nesting_too_deep"))
    elif len(compact(error)) > 262_144:
        errors.append(("/error", "field_too_large"))


def compact(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def depth(value: Any) -> int:
    """Return how deep lists and objects are nested; 0 for anything else."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def _moment(text: Any) -> datetime | None:
    match = DATE_TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    *numbers, fraction, _, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    if hours and (int(hours) > 23 or int(minutes) > 59):
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        if second == 60:
            return datetime(year, month, day, hour, minute, 59, 999_999, timezone(offset)).astimezone(UTC)
        micros = int((Decimal(fraction or 0) * 1_000_000).to_integral_value(ROUND_HALF_UP))
        base = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except (ValueError, OverflowError):
        return None
    for microseconds in (micros, 999_999):
        try:
            return (base + timedelta(microseconds=microseconds)).astimezone(UTC)
        except OverflowError:
            continue
    return None
