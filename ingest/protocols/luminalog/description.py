"""What OpenAPI says of `POST /v1/logs`. The rules themselves are in `wire`."""

from drf_spectacular.utils import OpenApiParameter

from foundation.openapi import (
    BOOLEAN,
    FIELD_ERRORS,
    INTEGER,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    described,
    json_answer,
    list_of,
    nullable,
    operation,
    problem,
    shape,
)
from foundation.refusals import CODES
from ingest.canonical import MAX_ENTRIES

SUMMARY = "Send a batch of log entries"
DESCRIPTION = """\
A 200 means that the batch is on disk. With any entry invalid nothing is stored or charged, unless the caller asks for
`Prefer: handling=lenient`: then the valid entries are kept and the others are listed. Fields that are not named here
are ignored; `null` means absent. `Content-Encoding` may be `gzip` or `zstd`. The body's `api_key` is deprecated.
"""


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
BATCH = shape(
    logs=list_of(ENTRY, minItems=1, maxItems=MAX_ENTRIES),
    optional={"api_key": described(NULLABLE_TEXT, "Use the header x-api-key.", deprecated=True)},
)
ANSWER = shape(
    message=TEXT,
    processed=described(INTEGER, "Entries kept."),
    bytes_used=described(INTEGER, "Bytes deducted from the quota."),
    debug_user_id=described(TEXT, "Your organisation's number, for published clients that warn without it."),
    optional={
        "rejected": described(INTEGER, "Entries refused, when handled leniently."),
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
HEADERS = [
    OpenApiParameter("Idempotency-Key", str, "header", description="1 to 255 printable characters, kept for 24 hours."),
    OpenApiParameter("Prefer", str, "header", description="`handling=lenient` keeps the valid entries (RFC 7240)."),
]

describe_ingestion = operation(
    "ingest_logs",
    SUMMARY,
    description=DESCRIPTION,
    tags=["Send logs"],
    parameters=HEADERS,
    request={"application/json": BATCH},
    answers=json_answer(ANSWER, "The batch is on disk."),
    refusals=REFUSALS,
    problem=PROBLEM,
)
