"""What OpenAPI says of sending logs: entries of our own form, the answer and the refusals of every protocol."""

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from foundation.errors import PROBLEM_TYPE
from foundation.openapi import (
    BOOLEAN,
    FIELD_ERRORS,
    INTEGER,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    Answers,
    Schema,
    described,
    json_answer,
    list_of,
    nullable,
    operation,
    problem,
    shape,
)
from foundation.refusals import CODES

NULLABLE_OBJECT = nullable({"type": "object"})

ERROR = {
    "type": described(NULLABLE_TEXT, 'For example "TypeError".'),
    "message": described(NULLABLE_TEXT, "The raw message."),
    "stack_trace": described(nullable(list_of(TEXT)), "Lines, or blocks of lines."),
    "context": described(NULLABLE_OBJECT, "What else is known of the error."),
    "fingerprint": described(NULLABLE_TEXT, "Groups errors that are the same."),
}
ENTRY = shape(
    timestamp=described(TIME, "RFC 3339; without an offset it is UTC; more than 6 fraction digits are cut."),
    level=LEVEL,
    message=described(TEXT, "At most 10,240 bytes of UTF-8."),
    optional={
        "environment": described(NULLABLE_TEXT, "A label; the key's environment when absent.", maxLength=128),
        "project_id": described(NULLABLE_TEXT, "The key's project when absent.", maxLength=128),
        "trace_id": described(NULLABLE_TEXT, "", maxLength=128),
        "span_id": described(NULLABLE_TEXT, "", maxLength=128),
        "parent_span_id": described(NULLABLE_TEXT, "", maxLength=128),
        "privacy_mode": nullable(BOOLEAN),
        "metadata": described(NULLABLE_OBJECT, "At most 102,400 bytes as compact JSON, 64 levels deep."),
        "error": described(NULLABLE_OBJECT, "At most 262,144 bytes as compact JSON.", properties=ERROR),
    },
)
ANSWER = shape(
    message=TEXT,
    processed=described(INTEGER, "Entries kept."),
    bytes_used=described(INTEGER, "Bytes deducted from the quota."),
    debug_user_id=described(TEXT, "Your organisation's number, for published clients that warn without it."),
    optional={
        "rejected": described(INTEGER, "Entries refused, when handled leniently."),
        "deferred": described(
            INTEGER, "Entries kept beyond the rate limit, by the overflow lane: all of them, if any."
        ),
        "deferred_until": described(TIME, "When those are stored, and can be read."),
        "errors": FIELD_ERRORS,
    },
)
PROBLEM = problem(code={**TEXT, "enum": list(CODES)}, optional={"errors": FIELD_ERRORS})
REFUSALS = {
    400: "Invalid payload or missing required fields.",
    401: "Invalid or missing API key.",
    403: "Plain HTTP, or the key may not send logs, or not from this address.",
    408: "The body came too slowly.",
    409: "A request with this Idempotency-Key is in progress.",
    411: "Neither Content-Length nor a chunked body.",
    413: "The body is larger than 128 MiB.",
    415: "Neither JSON, nor gzip or zstd of it.",
    422: "This Idempotency-Key was used with another body.",
    429: "Rate limit exceeded or quota exhausted; see Retry-After.",
    503: "Nothing was kept; see Retry-After.",
}
#: An agent's body is of any form, and no request of its is known again.
REFUSALS_OF_AGENTS = {status: reason for status, reason in REFUSALS.items() if status not in (409, 415, 422)}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    "header",
    description="1 to 255 printable characters, kept for 24 hours; each API key has its own.",
)
PREFER = OpenApiParameter("Prefer", str, "header", description="`handling=lenient` keeps the valid entries (RFC 7240).")


def sending(
    operation_id: str, summary: str, *, description: str, request: dict[str, Schema], prefers: bool = False
) -> Callable[[Any], Any]:
    """Return what describes an address that takes logs; `prefers` says whether leniency is the caller's choice."""
    return operation(
        operation_id,
        summary,
        description=description,
        tags=["Send logs"],
        parameters=[IDEMPOTENCY_KEY, PREFER] if prefers else [IDEMPOTENCY_KEY],
        request=request,
        answers=json_answer(ANSWER, "Everything that it counts is on disk."),
        refusals=REFUSALS,
        problem=PROBLEM,
    )


def sending_as(
    operation_id: str,
    summary: str,
    *,
    description: str,
    request: dict[str, Schema],
    answers: Answers,
    refusal: Mapping[str, Schema],
    missing: str | None = None,
) -> Callable[[Any], Any]:
    """Return what describes an address that agents know; `refusal` is how its protocol refuses, by media type.

    What is refused before anybody has asked the protocol, plain HTTP for one, is a problem there, too.
    """
    words = {**refusal, PROBLEM_TYPE: PROBLEM}
    reasons = REFUSALS_OF_AGENTS | ({404: missing} if missing else {})
    refusals = {
        (status, media_type): OpenApiResponse(schema, reason)
        for status, reason in reasons.items()
        for media_type, schema in words.items()
    }
    decorator: Callable[[Any], Any] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        tags=["Send logs"],
        request=request,
        responses={**answers, **refusals},
    )
    return decorator
