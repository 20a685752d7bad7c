"""The API's description as the documentation's page shows it: operations with their parameters, fields and answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
LEVELS_OF_FIELDS = 4


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter, or a field of a body: `name` with the names of those that it lies in."""

    name: str
    kind: str
    is_required: bool
    is_deprecated: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an operation may answer."""

    status: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address."""

    name: str
    method: str
    path: str
    title: str
    text: str
    scope: str
    parameters: list[Field]
    body: list[Field]
    media_types: list[str]
    answer: list[Field]
    answers: list[Answer]


def operations(document: Schema) -> dict[str, list[Operation]]:
    """Return the operations of a description (OpenAPI 3.1) by their tag, in its order."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            found.setdefault(one["tags"][0].capitalize(), []).append(_operation(path, method, one))
    return found


def _operation(path: str, method: str, one: Schema) -> Operation:
    media = one.get("requestBody", {}).get("content", {})
    answer = (
        (one["responses"].get("200") or one["responses"].get("201") or {})
        .get("content", {})
        .get("application/json", {})
        .get("schema", {})
    )
    return Operation(
        name=one["operationId"],
        method=method.upper(),
        path=path,
        title=one["summary"],
        text=one.get("description", ""),
        scope=next((scope for needs in one.get("security", []) for scopes in needs.values() for scope in scopes), ""),
        parameters=[_parameter(parameter) for parameter in one.get("parameters", [])],
        body=list(_fields(next(iter(media.values()))["schema"])) if media else [],
        media_types=list(media),
        answer=list(_fields(answer)),
        answers=[Answer(status=status, text=told["description"]) for status, told in sorted(one["responses"].items())],
    )


def _parameter(parameter: Schema) -> Field:
    where = {"header": " (header)", "path": " (address)"}.get(parameter["in"], "")
    return Field(
        name=parameter["name"],
        kind=_kind(parameter["schema"]) + where,
        is_required=parameter.get("required", False),
        is_deprecated=parameter.get("deprecated", False),
        text=parameter.get("description", ""),
    )


def _fields(schema: Schema, *, within: str = "", levels: int = LEVELS_OF_FIELDS) -> Iterator[Field]:
    """Yield the fields of an object or of a list's objects, each followed by its own."""
    if "items" in schema:
        yield from _fields(schema["items"], within=f"{within}[]", levels=levels)
    for name, field in schema.get("properties", {}).items():
        path = f"{within}.{name}" if within else name
        yield Field(
            name=path,
            kind=_kind(field),
            is_required=name in schema.get("required", ()),
            is_deprecated=field.get("deprecated", False),
            text=field.get("description", ""),
        )
        if levels:
            yield from _fields(field, within=path, levels=levels - 1)


def _kind(schema: Schema) -> str:
    """Say the type in few words: `string, date-time`, `one of a, b`, `list of objects`."""
    if choices := schema.get("enum"):
        return "one of " + ", ".join(map(str, choices))
    given = schema.get("type", "any")
    names = [name for name in (given if isinstance(given, list) else [given]) if name != "null"]
    kind = " or ".join(names) or "null"
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}s"
    return f"{kind}, {schema['format']}" if "format" in schema else kind
