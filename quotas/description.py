"""What OpenAPI says of `GET /v1/usage`."""

from foundation.openapi import (
    COUNT,
    REFUSED_READERS,
    TEXT,
    TIME,
    Schema,
    described,
    json_answer,
    list_of,
    nullable,
    operation,
    shape,
)

BUCKET = nullable(
    shape(
        scope=described(TEXT, "Whose limit is the tightest: the organisation's or the key's."),
        per_minute=COUNT,
        limit=COUNT,
        remaining=COUNT,
        resets_at=described(TIME, "When the bucket is full again."),
    )
)


def _by_detector(description: str) -> Schema:
    return {"type": "object", "additionalProperties": COUNT, "description": description}


LINE: dict[str, Schema] = {
    "entries": described(COUNT, "Entries stored."),
    "bytes": COUNT,
    "requests": COUNT,
    "refused_requests": COUNT,
    "dropped_entries": described(
        COUNT, "Entries that accepted requests lost: below the key's minimum level, or rejected."
    ),
    "rejected_entries": {
        "type": "object",
        "additionalProperties": COUNT,
        "description": "Entries refused while others of their batch were kept, by what was wrong.",
    },
    "scrubbed_entries": _by_detector("Entries in which something was replaced before they were kept, by detector."),
    "reported_entries": _by_detector("Entries in which something was found and left, by detector."),
    "withheld_entries": described(COUNT, "Entries that could not be scrubbed: of these only the frame was kept."),
    "cut_entries": {
        "type": "object",
        "additionalProperties": COUNT,
        "description": "Entries of agents that were made to fit a limit, by the part that was cut.",
    },
    "let_go_items": {
        "type": "object",
        "additionalProperties": COUNT,
        "description": "What Sentry's SDKs sent that is no entry, such as transactions, by what it is.",
    },
    "deferred_entries": described(COUNT, "Entries beyond the rate limit that were kept, to be stored later."),
    "by_protocol": {
        "type": "object",
        "additionalProperties": shape(requests=COUNT, entries=COUNT, bytes=COUNT),
        "description": "What was accepted, by what its senders speak.",
    },
    "outcomes": {"type": "object", "additionalProperties": COUNT, "description": "Requests by what became of them."},
}
USAGE = shape(
    plan=TEXT,
    period=shape(began_at=TIME, ends_at=TIME),
    bytes=shape(limit=COUNT, used=COUNT, remaining=COUNT, lent=described(COUNT, "Of what remains, what edges hold.")),
    entries=COUNT,
    requests=shape(ingest=BUCKET, read=BUCKET),
    retention_days=COUNT,
    by_day=list_of(shape(day={**TEXT, "format": "date"}, **LINE)),
    by_api_key=list_of(shape(name=TEXT, prefix=TEXT, suffix=TEXT, **LINE)),
)
REFUSALS = {
    400: "`invalid_request`.",
    **REFUSED_READERS,
    429: "`rate_limited` or `too_many_failures`.",
    503: "`overloaded` or `storage_unavailable`.",
}

describe_usage = operation(
    "read_usage", "Usage and limits of this month", answers=json_answer(USAGE), refusals=REFUSALS
)
