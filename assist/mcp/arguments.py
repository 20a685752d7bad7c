"""What each tool takes. Their JSON Schemas, which clients show to a model, are made of these."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from explore.parameters import Parameters
from foundation.refusals import Refusal
from storage.search import earlier

#: A time before now, as people say it.
_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Query = Annotated[
    str,
    Meta(
        max_length=2_000,
        description="LuminaLog's search language (Lucene's syntax): level:>=warn, environment:production, has:error, "
        "error.type:PaymentError, group:17, trace:…, any metadata key as userId:123 or duration_ms:>500, words and "
        '"phrases" of the message, -term, OR, parentheses. Terms side by side must all hold. Empty finds everything.',
    ),
]
Moment = Annotated[
    str,
    Meta(
        max_length=40, description="RFC 3339, or a time before now: 90s, 15m, 24h, 7d. The answer says what was read."
    ),
]
Cursor = Annotated[
    str, Meta(max_length=1_000, description="next_cursor of the answer before, with the same arguments.")
]
Name = Annotated[str, Meta(max_length=200)]
Number = Annotated[int, Meta(ge=1, le=999_999_999, description="Of the group: its `number`.")]


class _Arguments(Struct, forbid_unknown_fields=True):
    """Arguments of a tool."""


class _Ranged(_Arguments):
    start: Moment | None = field(name="from", default=None)
    end: Moment | None = field(name="to", default=None)

    def times(self) -> dict[str, str]:
        """Return the range as parameters of the API. Raises: `Refusal`."""
        given = {"from": moment_of(self.start, name="from"), "to": moment_of(self.end, name="to")}
        return {name: moment.isoformat() for name, moment in given.items() if moment}


class _Searched(_Ranged):
    query: Query = ""


class SearchLogs(_Searched):
    limit: Annotated[int, Meta(ge=1, le=100)] = 30
    order: Literal["newest_first", "oldest_first"] = "newest_first"
    cursor: Cursor | None = None


class CountLogs(_Searched):
    step_seconds: Annotated[int, Meta(ge=1, le=31 * 86_400, description="Default: about 60 steps.")] | None = None


class ListFields(_Searched):
    cursor: Cursor | None = None


class ListGroups(_Arguments):
    state: Literal["all", "unresolved", "new", "regressed", "resolved", "ignored", "muted"] = "unresolved"
    project: Name | None = None
    environment: Name | None = None
    release: Name | None = None
    query: Annotated[str, Meta(max_length=200, description="Text in title or culprit, in any case.")] | None = None
    sort: Literal["last_seen", "first_seen", "events", "people"] = "last_seen"
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Cursor | None = None


class GetGroup(_Ranged, kw_only=True):
    number: Number


class ExplainGroup(_Arguments):
    number: Number


class GetTrace(_Ranged, kw_only=True):
    trace_id: Annotated[str, Meta(min_length=1, max_length=256)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 100
    cursor: Cursor | None = None


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, in one piece."""
    [schema], components = msgspec.json.schema_components([kind], ref_template="{name}")
    whole: dict[str, Any] = components[schema["$ref"]]
    return {name: value for name, value in whole.items() if name != "title"}


def read(kind: type[Struct], given: dict[str, Any] | None) -> Any:
    """Return arguments of this kind. Raises: `Refusal`, which says what is wrong and repeats nothing."""
    try:
        arguments = msgspec.convert(given or {}, kind)
    except msgspec.ValidationError as error:
        known = ", ".join(name.encode_name for name in msgspec.structs.fields(kind))
        path = re.search(r" - at `(\$[.\w]*)`", str(error))
        where = f" Look at {path[1].removeprefix('$.')}." if path else ""
        raise Refusal(
            "invalid_parameter", f"The arguments are {known}, as the tool's schema has them.{where}"
        ) from error
    if any("\0" in value for value in msgspec.structs.astuple(arguments) if isinstance(value, str)):
        raise Refusal("invalid_parameter", "No argument holds U+0000.")
    return arguments


def moment_of(text: str | None, *, name: str) -> datetime | None:
    """Return the time that is meant. Raises: `Refusal`."""
    found = _AGO.fullmatch(text) if text else None
    if found is None:
        return Parameters({name: text or ""}).moment(name)
    return earlier(datetime.now(UTC), by=timedelta(**{_UNITS[found[2]]: int(found[1])}))
