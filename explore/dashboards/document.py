"""A dashboard as a document: what it may hold, and how what somebody sends is read. Keeps nothing."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from explore import aggregates
from explore.aggregates import Asked
from explore.fields import field_of
from explore.parameters import Parameters
from explore.syntax import MAX_CHARACTERS, QueryError
from foundation.refusals import FieldError, Refusal

T = TypeVar("T")
VERSION: Final = 1
MOST_PANELS, MOST_VARIABLES, MOST_BYTES = 24, 5, 32 * 2**10
MOST_TITLE = 80
RANGE = r"^[1-9][0-9]{0,3}[mhdw]$"
NAME = r"^[a-z][a-z0-9_-]{0,23}$"
#: Every dashboard can be narrowed by these.
ALWAYS = ("project", "environment")
#: Kinds whose panels ask for a measure of what a search finds.
MEASURED = ("series", "stat", "top", "table")

Title = Annotated[str, Meta(min_length=1, max_length=MOST_TITLE)]
Kind = Literal["series", "stat", "top", "table", "entries", "errors", "quota", "text"]


class Tone(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `value` on, a number is drawn as warning or grave."""

    value: float
    tone: Literal["warn", "grave"]


class Panel(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One panel. Which members mean something is for its kind to say; the others are kept for when it changes."""

    id: Annotated[str, Meta(pattern=NAME)]
    kind: Kind
    title: Annotated[str, Meta(max_length=MOST_TITLE)] = ""
    width: Literal[3, 4, 6, 8, 12] = 6
    height: Literal["s", "m", "l"] = "m"
    query: Annotated[str, Meta(max_length=MAX_CHARACTERS)] = ""
    measure: Annotated[str, Meta(max_length=800)] = "count"
    by: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=800)], ...], Meta(max_length=2)] = ()
    chart: Literal["bars", "lines"] = "bars"
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    compare: Literal["", "day", "week"] = ""
    tones: Annotated[tuple[Tone, ...], Meta(max_length=4)] = ()
    text: Annotated[str, Meta(max_length=2_000)] = ""

    def asked(self, *, step_seconds: int | None = None) -> Asked:
        """Return the measure as a question. Raises: `Refusal`."""
        return aggregates.ask(self.measure, self.by, step_seconds=step_seconds, limit=self.limit)


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field whose values narrow all panels, beside project and environment."""

    name: Annotated[str, Meta(pattern=NAME)]
    field: Annotated[str, Meta(min_length=1, max_length=200)]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard, as it is exported and imported."""

    title: Title
    panels: Annotated[tuple[Panel, ...], Meta(max_length=MOST_PANELS)] = ()
    version: Literal[1] = VERSION
    range: Annotated[str, Meta(pattern=RANGE)] = "24h"
    refresh: Literal[0, 30, 60, 300] = 60
    variables: Annotated[tuple[Variable, ...], Meta(max_length=MOST_VARIABLES - len(ALWAYS))] = ()

    def panel(self, name: str) -> Panel:
        """Return a panel by its id. Raises: `Refusal`."""
        found = next((panel for panel in self.panels if panel.id == name), None)
        if found is None:
            raise Refusal("not_found", "The dashboard has no such panel any more.")
        return found

    @property
    def fields(self) -> dict[str, str]:
        """The fields of its variables, by their names."""
        return {name: name for name in ALWAYS} | {one.name: one.field for one in self.variables}


def read(given: Mapping[str, Any], organisation_id: int) -> Document:
    """Return what somebody has sent as a dashboard, if all of it can be shown. Raises: `Refusal`."""
    if given.get("version", VERSION) != VERSION:
        raise Refusal("invalid_payload", f"This dashboard is of version {given['version']!s:.20}; known is {VERSION}.")
    document = _converted(given, Document)
    written = msgspec.json.encode(document)
    if b"\\u0000" in written:
        raise Refusal("invalid_payload", "A dashboard cannot hold the character U+0000.")
    if len(written) > MOST_BYTES:
        raise Refusal("invalid_payload", f"A dashboard may have at most {MOST_BYTES // 1024} KiB.")
    _refuse_twins([panel.id for panel in document.panels], "/panels", "Two panels have the same id")
    _refuse_twins(
        [*ALWAYS, *(one.name for one in document.variables)], "/variables", "Two variables have the same name"
    )
    errors = [error for at, panel in enumerate(document.panels) for error in _errors(panel, at, organisation_id)]
    errors += [error for at, variable in enumerate(document.variables) for error in _errors_of_variable(variable, at)]
    if errors:
        raise Refusal("invalid_payload", errors[0].detail, errors=errors)
    return document


def read_panel(given: Any, organisation_id: int) -> Panel:
    """Return what somebody has sent as a panel. Raises: `Refusal`."""
    panel = _converted(given, Panel)
    if errors := list(_errors(panel, 0, organisation_id)):
        raise Refusal("invalid_payload", errors[0].detail, errors=errors)
    return panel


def stored(kept: Mapping[str, Any], title: str) -> Document:
    """Return a dashboard that was kept; what a newer version has written is refused. Raises: `Refusal`."""
    try:
        return msgspec.convert({**kept, "title": title}, Document)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_payload", f"This dashboard was made by a newer version: {error}.") from error


def _converted(given: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        pointer = "/" + re.sub(r"[.\[\]]+", "/", where.strip("`").removeprefix("$")).strip("/")
        detail = f"{what} at {pointer}." if where else f"{what}."
        raise Refusal(
            "invalid_payload", detail, errors=[FieldError(pointer=pointer, code="invalid_payload", detail=detail)]
        ) from error


def _refuse_twins(names: list[str], pointer: str, words: str) -> None:
    if twin := next((name for at, name in enumerate(names) if name in names[:at]), None):
        detail = f"{words}: {twin}."
        raise Refusal(
            "invalid_payload", detail, errors=[FieldError(pointer=pointer, code="invalid_payload", detail=detail)]
        )


def _errors(panel: Panel, at: int, organisation_id: int) -> list[FieldError]:
    """Return what of a panel cannot be asked."""
    found = []
    for member, check in (
        ("query", lambda: Parameters({"query": panel.query}).query(organisation_id)),
        ("measure", panel.asked),
    ):
        try:
            check()
        except Refusal as error:
            detail = f"Panel “{panel.title or panel.id}”: {error.detail}"
            found.append(FieldError(pointer=f"/panels/{at}/{member}", code=error.code, detail=detail))
    return found


def _errors_of_variable(variable: Variable, at: int) -> list[FieldError]:
    try:
        field_of(variable.field)
    except QueryError as error:
        return [
            FieldError(
                pointer=f"/variables/{at}/field",
                code="invalid_payload",
                detail=f"Variable {variable.name}: {error.message}",
            )
        ]
    return []
