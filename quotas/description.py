"""What OpenAPI says of `GET /v1/usage`."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
COUNT = {"type": "integer", "minimum": 0}


def _object(*, nullable: bool = False, **properties: Any) -> dict[str, Any]:
    kind: Any = ["object", "null"] if nullable else "object"
    return {"type": kind, "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


BUCKET = _object(
    nullable=True,
    scope={**TEXT, "description": "Whose limit is the tightest: the organisation's or the key's."},
    per_minute=COUNT,
    limit=COUNT,
    remaining=COUNT,
    resets_at={**TIME, "description": "When the bucket is full again."},
)
LINE: dict[str, Any] = {
    "entries": {**COUNT, "description": "Entries stored."},
    "bytes": COUNT,
    "requests": COUNT,
    "refused_requests": COUNT,
    "dropped_entries": {**COUNT, "description": "Entries below the key's minimum level."},
    "outcomes": {"type": "object", "additionalProperties": COUNT, "description": "Requests by what became of them."},
}
USAGE = _object(
    plan=TEXT,
    period=_object(began_at=TIME, ends_at=TIME),
    bytes=_object(limit=COUNT, used=COUNT, remaining=COUNT),
    entries=COUNT,
    requests=_object(ingest=BUCKET, read=BUCKET),
    retention_days=COUNT,
    by_day=_list(_object(day={**TEXT, "format": "date"}, **LINE)),
    by_api_key=_list(_object(name=TEXT, prefix=TEXT, suffix=TEXT, **LINE)),
)
PROBLEM = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT, "code": TEXT, "request_id": TEXT},
    "required": ["type", "title", "status", "detail", "code", "request_id"],
}
REFUSALS = {
    400: "`invalid_request`.",
    401: "`missing_api_key` or `invalid_api_key`.",
    403: "`forbidden`: the key may not read.",
    429: "`rate_limited` or `too_many_failures`.",
    503: "`overloaded` or `storage_unavailable`.",
}

describe_usage = extend_schema(
    operation_id="read_usage",
    summary="Usage and limits of this month",
    responses={
        200: OpenApiResponse(USAGE),
        **{
            (status, "application/problem+json"): OpenApiResponse(PROBLEM, description=description)
            for status, description in REFUSALS.items()
        },
    },
)
