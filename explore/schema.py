"""How OpenAPI describes the read API."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from foundation import openapi
from foundation.openapi import (
    BOOLEAN,
    COUNT,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    Answers,
    Endpoint,
    described,
    json_answer,
    list_of,
    nullable,
    shape,
)

TAGS = ["Read logs"]
OBJECT = nullable({"type": "object", "additionalProperties": True})

EXAMPLE_ENTRY = {
    "id": "4815162342",
    "timestamp": "2026-01-26T14:30:05.000000Z",
    "received_at": "2026-01-26T14:30:05.412733Z",
    "level": "error",
    "message": "Payment failed",
    "environment": "production",
    "project": "shop",
    "trace_id": "7f3b0c52",
    "span_id": None,
    "parent_span_id": None,
    "privacy_mode": None,
    "edge": None,
    "metadata": {"order_id": "ORD-12345", "amount": 99.99},
    "error": {
        "type": "PaymentError",
        "message": "Insufficient funds",
        "stack_trace": ["at processPayment (payment.ts:45)", "at checkout (checkout.ts:120)"],
    },
    "size_bytes": 312,
    "group": 17,
}


COUNTS = shape(**dict.fromkeys(LEVEL["enum"], COUNT))
ENTRY = shape(
    id=described(TEXT, "Stable. A string, because JavaScript's numbers would round it."),
    timestamp=TIME,
    received_at=TIME,
    level=LEVEL,
    message=TEXT,
    environment=TEXT,
    project=TEXT,
    trace_id=NULLABLE_TEXT,
    span_id=NULLABLE_TEXT,
    parent_span_id=NULLABLE_TEXT,
    privacy_mode=nullable(BOOLEAN),
    edge=described(NULLABLE_TEXT, "The edge that took it; null: it came here. See docs/edges.md."),
    metadata=OBJECT,
    error=OBJECT,
    size_bytes=COUNT,
    group=described(nullable(COUNT), "The number of its error group: see `GET /v1/groups/{number}`."),
)
REFUSALS = {
    400: "`invalid_query` (with `position`, the index of the character) or `invalid_parameter`.",
    **openapi.REFUSED_READERS,
    429: "`rate_limited` or `too_many_queries`.",
    503: "`query_timeout`, `overloaded` or `storage_unavailable`.",
}

NEXT_CURSOR = described(
    NULLABLE_TEXT, "Continues this page; null on the last. A page of large entries ends before `limit`, at about 2 MiB."
)
NEIGHBOURS_COMPLETE = described(
    BOOLEAN, "False when the nearest neighbours took 1 MiB on a side, and further ones were left out: search for those."
)
TRACE_COMPLETE = described(
    BOOLEAN, "False when more follow, by number or beyond about 2 MiB: ask again, with `from` at the last timestamp."
)

QUERY = OpenApiParameter(
    "query",
    str,
    description=(
        "The search language, Lucene's syntax: `level:>=warn`, `environment:production`, `trace:…`, `has:error`, "
        "`error.type:PaymentError`, `group:17`, `has:group`, any metadata key as `userId:123` or `user.id:123`, "
        "`duration_ms:>500`, "
        '`amount:[10 TO 20]`, `key:*`, `key:abc*`, words and "phrases" of the message, `-term`, `NOT`, `OR`, '
        "parentheses. Terms side by side must all hold. A backslash stands before a sign in a key, `metadata.` before "
        "a key that is named like a field."
    ),
    examples=[
        OpenApiExample("errors of a user", value="level:>=error userId:123"),
        OpenApiExample("slow payments", value='"payment" duration_ms:>500 -environment:staging'),
    ],
)
FROM = OpenApiParameter("from", str, description="RFC 3339, included. Default: an hour before `to`.")
TO = OpenApiParameter("to", str, description="RFC 3339, excluded. Default: now.")
CURSOR = OpenApiParameter("cursor", str, description="`next_cursor` of the page before; it brings that page's range.")
ZONE = "An IANA name: steps begin as clocks there show, weeks on Monday. Default: since 1970, in UTC."
ORDER = OpenApiParameter("order", str, enum=["desc", "asc"], description="By timestamp. Default: newest first.")
SEARCH = [QUERY, FROM, TO]


def number(name: str, description: str) -> OpenApiParameter:
    """Return a whole number in the query string."""
    return OpenApiParameter(name, int, description=description)


def operation(
    operation_id: str,
    summary: str,
    *,
    answers: Answers,
    parameters: list[OpenApiParameter],
    missing: str | None = None,
) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator that describes one address of the read API; `missing` says what 404 means."""
    refusals = REFUSALS | ({404: missing} if missing else {})
    return openapi.operation(
        operation_id, summary, tags=TAGS, parameters=parameters, answers=answers, refusals=refusals
    )


UNKNOWN = "`not_found`: your organisation has no such entry."
LOGS = operation(
    "read_logs",
    "Search logs",
    parameters=[*SEARCH, number("limit", "1 to 1,000; default 100."), CURSOR, ORDER],
    answers=json_answer(
        shape(logs=list_of(ENTRY), next_cursor=NEXT_CURSOR),
        example={"logs": [EXAMPLE_ENTRY], "next_cursor": "WzE3NjkzOTQ2MDUwMDAwMDBd:1vkO2c:dGhlIHNpZ25hdHVyZQ"},
    ),
)
LOG = operation(
    "read_log", "One entry", parameters=[], answers=json_answer(ENTRY, example=EXAMPLE_ENTRY), missing=UNKNOWN
)
CONTEXT = operation(
    "read_context",
    "The entries around one",
    parameters=[
        number("before", "How many earlier entries, 0 to 200; default 20."),
        number("after", "How many later entries, 0 to 200; default 20."),
        OpenApiParameter(
            "scope", str, enum=["project", "organisation"], description="Whose entries. Default: project."
        ),
    ],
    answers=json_answer(
        shape(before=list_of(ENTRY), log=ENTRY, after=list_of(ENTRY), is_complete=NEIGHBOURS_COMPLETE),
        example={"before": [], "log": EXAMPLE_ENTRY, "after": [], "is_complete": True},
    ),
    missing=UNKNOWN,
)
HISTOGRAM = operation(
    "count_logs",
    "Counts by level and time",
    parameters=[
        *SEARCH,
        number("step", "Seconds; at most 1,500 steps. Default: about 60 steps."),
        OpenApiParameter("zone", str, description=ZONE),
    ],
    answers=json_answer(
        shape(step_seconds=COUNT, buckets=list_of(shape(start=TIME, counts=COUNTS)), totals=COUNTS),
        example={
            "step_seconds": 60,
            "buckets": [
                {
                    "start": "2026-01-26T14:30:00.000000Z",
                    "counts": {"debug": 0, "info": 41, "warn": 2, "error": 1, "fatal": 0, "panic": 0},
                }
            ],
            "totals": {"debug": 0, "info": 41, "warn": 2, "error": 1, "fatal": 0, "panic": 0},
        },
    ),
)
FIELDS = operation(
    "list_fields",
    "Metadata keys, their types and top values",
    parameters=[*SEARCH, number("limit", "How many keys, 1 to 500; default 100.")],
    answers=json_answer(
        shape(
            sampled_entries=described(COUNT, "Keys and values are counted in this many of the newest entries."),
            fields=list_of(
                shape(name=TEXT, types=list_of(TEXT), count=COUNT, values=list_of(shape(value={}, count=COUNT)))
            ),
        ),
        example={
            "sampled_entries": 1000,
            "fields": [
                {"name": "order_id", "types": ["string"], "count": 318, "values": [{"value": "ORD-12345", "count": 4}]}
            ],
        },
    ),
)
TRACE = operation(
    "read_trace",
    "The entries of a trace",
    parameters=[
        OpenApiParameter("from", str, description="RFC 3339. Default: 30 days ago."),
        OpenApiParameter("to", str, description="RFC 3339. Default: now."),
        number("limit", "1 to 1,000; default 1,000."),
    ],
    answers=json_answer(
        shape(trace_id=TEXT, logs=list_of(ENTRY), is_complete=TRACE_COMPLETE),
        example={"trace_id": "7f3b0c52", "logs": [EXAMPLE_ENTRY], "is_complete": True},
    ),
    missing="`not_found`: your organisation has no entry of such a trace in the range.",
)
EXPORT = operation(
    "export_logs",
    "Everything that a search finds, as a stream",
    parameters=[
        *SEARCH,
        OpenApiParameter("format", str, enum=["ndjson", "csv"], description="Default: ndjson."),
        ORDER,
    ],
    answers={
        (200, "application/x-ndjson"): OpenApiResponse(TEXT, "One entry a line, as in a page of logs."),
        (200, "text/csv"): OpenApiResponse(TEXT, "RFC 4180; cells that a spreadsheet would calculate begin with '."),
    },
)
