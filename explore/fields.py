"""The names of the search language, and what each asks of an entry."""

from dataclasses import dataclass

from explore.syntax import QueryError
from explore.values import Value
from foundation.levels import BY_NAME, Level
from storage.conditions import (
    EVERYTHING,
    Compares,
    Condition,
    Document,
    Either,
    Exists,
    LevelBetween,
    Operator,
    Path,
    Test,
    Text,
    TextColumn,
)

TEXT_COLUMNS: dict[str, TextColumn] = {
    "environment": "environment",
    "env": "environment",
    "project": "project",
    "project_id": "project",
    "span": "span_id",
    "span_id": "span_id",
    "parent_span_id": "parent_span_id",
}
TRACE = ("trace", "trace_id", "traceId")
#: Members of `error` that hold prose: searched like the message.
ERROR_PROSE = ("message", "stack_trace")
ERROR_FIELDS = ("type", "fingerprint", *ERROR_PROSE)


@dataclass(frozen=True)
class Comparison:
    """A value with the side of it that is asked for; no operator asks for the value itself."""

    value: Value
    operator: Operator | None = None


def ask_message(value: Value) -> Condition:
    """Return the condition that the message contains `value`."""
    return EVERYTHING if value.is_anything else Text("message", value.as_substring())


def ask_field(name: str, comparison: Comparison) -> Condition:
    """Return what `name:comparison` asks. Raises: `QueryError` without a position."""
    if name == "level":
        return _ask_level(comparison)
    if name == "has":
        return _ask_presence(comparison)
    if name == "message":
        return ask_message(_without_operator(name, comparison))
    if name in TRACE:
        return _ask_trace(_without_operator(name, comparison))
    if name in TEXT_COLUMNS:
        return Text(TEXT_COLUMNS[name], _without_operator(name, comparison).as_text_test())
    return _ask_document(name, comparison)


def _without_operator(name: str, comparison: Comparison) -> Value:
    if comparison.operator:
        raise QueryError(f"{name} cannot be compared with {comparison.operator}.")
    return comparison.value


def _ask_level(comparison: Comparison) -> Condition:
    if comparison.value.is_anything:
        return EVERYTHING
    level = BY_NAME.get(comparison.value.text.lower())
    if level is None:
        raise QueryError(f"level must be one of {', '.join(BY_NAME)}.")
    lowest, highest = min(Level).value, max(Level).value
    match comparison.operator:
        case None:
            return LevelBetween(level.value, level.value)
        case ">=":
            return LevelBetween(level.value, highest)
        case ">":
            return LevelBetween(level.value + 1, highest)
        case "<=":
            return LevelBetween(lowest, level.value)
        case "<":
            return LevelBetween(lowest, level.value - 1)


def _ask_presence(comparison: Comparison) -> Condition:
    name = _without_operator("has", comparison).text
    if name in ("error", "metadata"):
        return Document(name, ((),), Exists())  # type: ignore[arg-type]  # mypy does not narrow by `in`
    return ask_field(name, Comparison(Value(("", ""))))


def _ask_trace(value: Value) -> Condition:
    document = Document("metadata", (("trace_id",), ("traceId",)), value.as_test())
    return Either((Text("trace_id", value.as_text_test()), document))


def _ask_document(name: str, comparison: Comparison) -> Condition:
    head, _, rest = name.partition(".")
    if head == "error" and rest in ERROR_FIELDS:
        return Document("error", ((rest,),), _test(comparison, is_prose=rest in ERROR_PROSE))
    if head == "error" and rest.startswith("context."):
        return Document("error", tuple(("context", *path) for path in _paths(rest[8:])), _test(comparison))
    return Document("metadata", _paths(rest if head == "metadata" and rest else name), _test(comparison))


def _paths(name: str) -> tuple[Path, ...]:
    """Return where `a.b` may be: nested, or a key that holds the dot."""
    nested = tuple(name.split("."))
    if not all(nested):
        return ((name,),)
    return (nested, (name,)) if len(nested) > 1 else (nested,)


def _test(comparison: Comparison, *, is_prose: bool = False) -> Test:
    value = comparison.value
    if comparison.operator is None:
        return value.as_substring() if is_prose else value.as_test()
    if len(value.pieces) > 1:
        raise QueryError(f"A value with * cannot be compared with {comparison.operator}.")
    number = value.number
    return Compares(comparison.operator, value.text if number is None else number)
