"""What OpenAPI says of a refusal is what a refusal is."""

import json
from typing import Any

import pytest
from django.http import HttpRequest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import validate

from foundation.errors import PROBLEM_TYPE, problem
from foundation.refusals import CODES, FieldError, Refusal


def problems() -> dict[str, Any]:
    """Return the schema of every problem by address, method and status."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return {
        f"{method} {path} {status}": answer["content"][PROBLEM_TYPE]["schema"]
        for path, operations in paths.items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if PROBLEM_TYPE in answer.get("content", {})
    }


@pytest.mark.parametrize("request_id", ["7f3b0c52", None])
def test_refusal_is_what_every_address_describes(request_id: str | None) -> None:
    request = HttpRequest()
    request.request_id = request_id  # type: ignore[attr-defined]
    wrong = FieldError(pointer="/logs/0/level", code="invalid_level", detail="no level")
    refused = json.loads(problem(Refusal("invalid_level", errors=[wrong]), request).content)
    described = problems()
    assert len(described) > 40
    for schema in described.values():
        assert set(schema["required"]) == refused.keys() - {"errors"}
        validate(refused, schema)


def test_sending_names_every_code() -> None:
    assert problems()["post /v1/logs 400"]["properties"]["code"]["enum"] == list(CODES)
