"""The pieces of which OpenAPI descriptions are made: plain types, shapes, the problem, and an operation of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from foundation.errors import PROBLEM_TYPE
from foundation.levels import BY_NAME

Schema = dict[str, Any]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
#: By status, or by status and media type.
Answers = Mapping[int | tuple[int, str], OpenApiResponse]

NOTHING: Mapping[str, Schema] = {}


def nullable(schema: Schema) -> Schema:
    """Return the schema of what `schema` allows, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def described(schema: Schema, description: str, **rules: Any) -> Schema:
    """Return `schema` with a description, and with rules such as `maxLength`."""
    return {**schema, "description": description, **rules}


def shape(*, optional: Mapping[str, Schema] = NOTHING, **properties: Schema) -> Schema:
    """Return the schema of an object that always has all `properties`, and may have those that are optional."""
    return {"type": "object", "properties": {**properties, **optional}, "required": list(properties)}


def list_of(one: Schema, **rules: Any) -> Schema:
    """Return the schema of a list, with rules such as `maxItems`."""
    return {"type": "array", "items": one, **rules}


TEXT: Schema = {"type": "string"}
NULLABLE_TEXT = nullable(TEXT)
BINARY: Schema = {"type": "string", "format": "binary"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "string", "format": "date-time"}
LEVEL: Schema = {"type": "string", "enum": list(BY_NAME)}

FIELD_ERRORS = list_of(shape(pointer={**TEXT, "format": "json-pointer"}, code=TEXT, detail=TEXT), maxItems=20)


def problem(*, code: Schema = TEXT, optional: Mapping[str, Schema] = NOTHING) -> Schema:
    """Return the schema of a problem as `foundation.errors` makes it; `optional` are members of some refusals."""
    members = shape(
        type={**TEXT, "format": "uri-reference"},
        title=TEXT,
        status=COUNT,
        detail=TEXT,
        code=code,
        request_id=NULLABLE_TEXT,
        optional=optional,
    )
    return described(members, "RFC 9457.")


PROBLEM = problem()
#: Why a key is refused wherever something is read.
REFUSED_READERS = {
    401: "`missing_api_key` or `invalid_api_key`.",
    403: "`forbidden`: the key may not read.",
}


def json_answer(schema: Schema, description: str = "", *, example: Any = None) -> Answers:
    """Return what is answered with 200, in JSON."""
    examples = [] if example is None else [OpenApiExample("answer", value=example, response_only=True)]
    return {(200, "application/json"): OpenApiResponse(schema, description, examples=examples)}


def operation(
    operation_id: str,
    summary: str,
    *,
    answers: Answers,
    refusals: Mapping[int, str],
    problem: Schema = PROBLEM,
    parameters: Sequence[OpenApiParameter] = (),
    **rest: Any,
) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator that describes one method of a view; `rest` is as `extend_schema` takes it."""
    problems = {(status, PROBLEM_TYPE): OpenApiResponse(problem, text) for status, text in refusals.items()}
    decorator: Callable[[Endpoint], Endpoint] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        parameters=list(parameters),
        responses={**answers, **problems},
        **rest,
    )
    return decorator
