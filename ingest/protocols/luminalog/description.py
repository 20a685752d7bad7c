"""What OpenAPI says of `POST /v1/logs`. The rules themselves are in `wire`."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from foundation.levels import BY_NAME
from foundation.refusals import CODES
from ingest.protocols.luminalog.wire import MAX_ENTRIES

SUMMARY = "Send a batch of log entries"
DESCRIPTION = """\
A 200 means that the batch is on disk. With any entry invalid nothing is stored or charged, unless the caller asks for
`Prefer: handling=lenient`: then the valid entries are kept and the others are listed. Fields that are not named here
are ignored; `null` means absent. `Content-Encoding` may be `gzip` or `zstd`. The body's `api_key` is deprecated.
"""


def _text(description: str, **rules: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": description, **rules}


def _object(description: str, **rules: Any) -> dict[str, Any]:
    return {"type": ["object", "null"], "description": description, **rules}


ERROR = {
    "type": _text('For example "TypeError".'),
    "message": _text("The raw message."),
    "stack_trace": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "description": "Lines, or blocks of lines.",
    },
    "context": _object("What else is known of the error."),
    "fingerprint": _text("Groups errors that are the same."),
}
ENTRY = {
    "type": "object",
    "required": ["timestamp", "level", "message"],
    "properties": {
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339; without an offset it is UTC; more than 6 fraction digits are cut.",
        },
        "level": {"type": "string", "enum": list(BY_NAME)},
        "message": {"type": "string", "description": "At most 10,240 bytes of UTF-8."},
        "environment": _text("A label; the key's environment when absent.", maxLength=128),
        "project_id": _text("The key's project when absent.", maxLength=128),
        "trace_id": _text("", maxLength=128),
        "span_id": _text("", maxLength=128),
        "parent_span_id": _text("", maxLength=128),
        "privacy_mode": {"type": ["boolean", "null"]},
        "metadata": _object("At most 102,400 bytes as compact JSON, 64 levels deep."),
        "error": _object("At most 262,144 bytes as compact JSON.", properties=ERROR),
    },
}
BATCH = {
    "type": "object",
    "required": ["logs"],
    "properties": {
        "logs": {"type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": ENTRY},
        "api_key": {"type": ["string", "null"], "deprecated": True, "description": "Use the header x-api-key."},
    },
}
FIELD_ERROR = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {"type": "string", "format": "json-pointer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
ANSWER = {
    "type": "object",
    "required": ["message", "processed", "bytes_used"],
    "properties": {
        "message": {"type": "string"},
        "processed": {"type": "integer", "description": "Entries kept."},
        "bytes_used": {"type": "integer", "description": "Bytes deducted from the quota."},
        "rejected": {"type": "integer", "description": "Entries refused, when handled leniently."},
        "errors": {"type": "array", "items": FIELD_ERROR, "maxItems": 20},
    },
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": list(CODES)},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": FIELD_ERROR, "maxItems": 20},
    },
}
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

describe_ingestion = extend_schema(
    operation_id="ingest_logs",
    summary=SUMMARY,
    description=DESCRIPTION,
    tags=["Send logs"],
    parameters=HEADERS,
    request={"application/json": BATCH},
    responses={
        (200, "application/json"): OpenApiResponse(ANSWER, description="The batch is on disk."),
        **{
            (status, "application/problem+json"): OpenApiResponse(PROBLEM, description=description)
            for status, description in REFUSALS.items()
        },
    },
)
