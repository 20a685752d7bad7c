"""The names of the search language, and what each asks of an entry."""

from dataclasses import dataclass

from explore.syntax import QueryError
from explore.values import Value
from foundation.levels import BY_NAME, Level
from storage.aggregates import Column, Field, Member
from storage.conditions import (
    EVERYTHING,
    Compares,
    Condition,
    Counted,
    Document,
    Either,
    Exists,
    LevelBetween,
    Operator,
    Test,
    Text,
    TextColumn,
    Words,
)

TEXT_COLUMNS: dict[str, TextColumn] = {
    "environment": "environment",
    "env": "environment",
    "project": "project",
    "project_id": "project",
    "span": "span_id",
    "span_id": "span_id",
    "parent_span_id": "parent_span_id",
    "edge": "edge",
}
TRACE = ("trace", "trace_id", "traceId")
#: Nothing is looked for in these when entries come in, or they hold no values of entries.
NEVER_HASHED = ("level", "has", "project", "project_id", "span", "span_id", "parent_span_id", "edge", *TRACE)
#: Members of `error` that hold prose: searched like the message.
ERROR_PROSE = ("message", "stack_trace")
ERROR_FIELDS = ("type", "fingerprint", "context", *ERROR_PROSE)
#: What an entry has, or other languages know, but no query can ask for; and what to do instead.
REFUSED = {
    "timestamp": "The time range is given beside the query, as from and to",
    "received_at": "The time range is given beside the query, as from and to",
    "size_bytes": "An entry's size is not searched",
    "privacy_mode": "It is not searched",
    "metadata": "Write metadata.key:value, or has:metadata",
    "_exists_": "Write has:key",
    "_missing_": "Write -has:key",
}
#: What a query asks of an entry that is no field of it.
NOT_FIELDS = {"has": "has asks whether there is a field", "group": "Errors by group are what /v1/groups counts"}
#: A name of more may be written in too many ways.
MOST_PARTS = 8
#: Names that are the language's own, and beginnings of such names.
OWN_NAMES = (
    *("level", "message", "has", "group"), *TEXT_COLUMNS, *TRACE, *(f"error.{name}" for name in ERROR_FIELDS), *REFUSED,
)  # fmt: skip
OWN_PREFIXES = ("error.context.", "metadata.")
METADATA = "metadata."


@dataclass(frozen=True)
class Comparison:
    """A value with the side of it that is asked for; no operator asks for the value itself."""

    value: Value
    operator: Operator | None = None


def name_of_key(key: str) -> str:
    """Return the name by which a metadata key is asked for: its own, unless the language has that for something else.

    A nested key is the keys on the way, joined by dots. `language.js` does the same.
    """
    is_taken = key == "" or key in OWN_NAMES or key.startswith(OWN_PREFIXES)
    return METADATA + key if is_taken else key


def ask_words(value: Value) -> Condition:
    """Return the condition that `value` is in the message, or in a value of metadata or error."""
    return EVERYTHING if value.is_anything else Words(value.as_substring())


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
    refuse_unasked(name)
    return _ask_document(name, comparison)


def ask_group(comparison: Comparison) -> int:
    """Return the number of the group that `group:17` asks for. Raises: `QueryError` without a position."""
    text = _without_operator("group", comparison).text
    if len(comparison.value.pieces) > 1 or not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise QueryError("group takes a group's number, as in group:17; has:group finds all errors that are in one.")
    return int(text)


def refuse_unasked(name: str) -> None:
    """Refuse a name that no query can ask for. Raises: `QueryError` without a position."""
    if name in REFUSED:
        raise QueryError(f"{REFUSED[name]}; metadata.{name} is a metadata key of that name.")


def field_of(name: str) -> Field:
    """Return where the values of a field are, by its name in a query. Raises: `QueryError` without a position."""
    if name in ("level", "message", "size_bytes"):
        return (Column(name),)  # type: ignore[arg-type]  # one of these
    if name in TRACE:
        return (Column("trace_id"), Member("metadata", "trace_id"), Member("metadata", "traceId"))
    if name in TEXT_COLUMNS:
        return (Column(TEXT_COLUMNS[name]),)
    if name in NOT_FIELDS:
        raise QueryError(f"{NOT_FIELDS[name]}; metadata.{name} is a metadata key of that name.")
    refuse_unasked(name)
    if "\0" in name:
        raise QueryError("A field's name cannot hold the character U+0000.")
    source = _member(name)
    if source.name.count(".") >= MOST_PARTS:
        raise QueryError(f"A field has at most {MOST_PARTS} parts between dots here.")
    return (source,)


def _member(name: str) -> Member:
    member = name.removeprefix("error.")
    if member != name and (member in ERROR_FIELDS or member.startswith("context.")):
        return Member("error", member)
    return Member("metadata", name.removeprefix(METADATA))


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
    value = _without_operator("has", comparison)
    if len(value.pieces) > 1 or value.text == "has":
        raise QueryError("has takes the name of a field or a metadata key, as in has:userId.")
    if value.text == "error":
        return Document("error", (), Exists())
    if value.text == "group":
        return Counted()
    if value.text == "metadata":
        return Document("metadata", (), Exists())
    return ask_field(value.text, Comparison(Value(("", ""))))


def _ask_trace(value: Value) -> Condition:
    document = Document("metadata", ("trace_id", "traceId"), value.as_test())
    return Either((Text("trace_id", value.as_text_test()), document))


def _ask_document(name: str, comparison: Comparison) -> Condition:
    member = _member(name)
    is_prose = member.document == "error" and member.name in ERROR_PROSE
    return Document(member.document, (member.name,), _test(comparison, is_prose=is_prose))


def _test(comparison: Comparison, *, is_prose: bool = False) -> Test:
    value = comparison.value
    if comparison.operator is None:
        return value.as_substring() if is_prose and not value.is_anything else value.as_test()
    if len(value.pieces) > 1:
        raise QueryError(f"A value with * cannot be compared with {comparison.operator}.")
    number = value.number
    return Compares(comparison.operator, value.text if number is None else number)
