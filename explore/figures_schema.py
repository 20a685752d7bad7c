"""How OpenAPI describes what is counted and measured of logs."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from explore.changes import Change
from explore.schema import COUNTS, SEARCH, number, operation
from foundation.openapi import (
    BOOLEAN,
    COUNT,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    described,
    json_answer,
    list_of,
    nullable,
    shape,
)

FIELD = "A field by its name in a query, without backslashes: `level`, `project`, `error.type`, `user.id`."
MEASURE = (
    "`count`, or of a field's values `distinct:F`, and of its numbers `sum:F`, `avg:F`, `min:F`, `max:F`, `p50:F`, "
    "`p95:F`, `p99:F`. Default: count."
)
ANY: dict[str, Any] = {}
FIGURE = described({"type": ["number", "null"]}, "Null where there is nothing to measure.")
POINTS = described(
    list_of({"type": "array", "items": {"type": ["string", "number", "null"]}, "minItems": 2, "maxItems": 2}),
    "Of each step its beginning, and its figure or null; with `step` only.",
)
EXACT_VALUES = described(BOOLEAN, "True when these are all that the search finds; else they are the newest of it.")
SINCE = (
    "RFC 3339, between `from` and `to`: compare what is since then with what was before. Default of `from`: as long."
)
CHANGED = described({"type": "string", "enum": list(Change)}, "With `since` only, as are the next two.")
VALUES = operation(
    "list_values",
    "The most frequent values of fields",
    parameters=[
        *SEARCH,
        OpenApiParameter("field", str, many=True, required=True, description=f"{FIELD} Up to 12 times."),
        OpenApiParameter("since", str, description=f"{SINCE} Answered are values whose share of the entries changed."),
        number("limit", "How many values of each field, 1 to 100; default 5."),
    ],
    answers=json_answer(
        shape(
            optional={
                "before": described(
                    shape(entries=COUNT, exact=BOOLEAN), "The same of the time before; with `since` only."
                )
            },
            entries=described(COUNT, "Counted in so many, the newest 50,000 at most."),
            exact=EXACT_VALUES,
            fields=list_of(
                shape(
                    optional={
                        "exact": described(
                            BOOLEAN, "False where a field has too many values to compare them all; with `since` only."
                        )
                    },
                    name=TEXT,
                    entries=described(COUNT, "Those that have a value."),
                    distinct=described(COUNT, "How many different values there are."),
                    values=list_of(
                        shape(
                            optional={
                                "change": CHANGED,
                                "before": described(COUNT, "Entries before that."),
                                "times": described(
                                    {"type": ["number", "null"]},
                                    "As large a share of the entries as before; null where there was none.",
                                ),
                            },
                            value=ANY,
                            count=COUNT,
                        )
                    ),
                )
            ),
        ),
        example={
            "entries": 71,
            "exact": True,
            "fields": [
                {"name": "project", "entries": 71, "distinct": 2, "values": [
                    {"value": "payments", "count": 66}, {"value": "web", "count": 5}]}
            ],
        },
    ),
)  # fmt: skip
AGGREGATE = operation(
    "aggregate_logs",
    "A measure of what a search finds, by fields and by time",
    parameters=[
        *SEARCH,
        OpenApiParameter("measure", str, description=MEASURE),
        OpenApiParameter("by", str, many=True, description=f"{FIELD} Up to twice."),
        number("step", "Seconds; at most 1,500 steps, which begin at multiples since 1970, in UTC. Default: none."),
        number("limit", "How many groups, 1 to 1,000; default 20. All others are one: `others`."),
    ],
    answers=json_answer(
        shape(
            optional={"step_seconds": COUNT},
            measure=TEXT,
            by=list_of(TEXT),
            rows=described(
                list_of(
                    shape(
                        optional={"points": POINTS},
                        by=described(list_of(ANY), "The group's value of each field; null for entries without one."),
                        value=FIGURE,
                    )
                ),
                "The largest figure first.",
            ),
            others=nullable(shape(optional={"points": POINTS}, groups=COUNT, value=FIGURE)),
            scanned=described(COUNT, "How many entries the search finds."),
            exact=described(BOOLEAN, "False when a percentile may be off, by one per cent at most."),
            computed_at=described(TIME, "An answer about a range that has ended is good for 30 s."),
        ),
        example={
            "measure": "p95:duration_ms",
            "by": ["project", "status"],
            "step_seconds": 300,
            "rows": [{"by": ["web", 200], "value": 12.5, "points": [["2026-01-26T14:30:00.000000Z", 11.0]]}],
            "others": None,
            "scanned": 39646,
            "exact": True,
            "computed_at": "2026-01-26T14:35:00.000000Z",
        },
    ),
)
LOOKED_AT = described({"type": "number"}, "The time that was looked at, with `since` only.")
PATTERNS = operation(
    "list_patterns",
    "Entries by what their message says",
    parameters=[
        *SEARCH,
        OpenApiParameter("since", str, description=SINCE),
        number("limit", "How many patterns, 1 to 1,000; default 100."),
    ],
    answers=json_answer(
        shape(
            optional={
                "changes": described(
                    shape(**dict.fromkeys(Change, COUNT)), "How many patterns of each; with `since` only."
                ),
                "seconds": LOOKED_AT,
                "before": described(
                    shape(entries=COUNT, exact=BOOLEAN, seconds=LOOKED_AT),
                    "The same of the time before; with `since` only.",
                ),
            },
            patterns=list_of(
                shape(
                    optional={
                        "change": CHANGED,
                        "before": described(COUNT, "Entries before that."),
                        "times": described(
                            {"type": ["number", "null"]}, "As many a second as before; null where there was none."
                        ),
                    },
                    pattern=described(TEXT, "The message, with placeholders for values: `<n>`, `<id>`, `<t>` …"),
                    count=COUNT,
                    levels=COUNTS,
                    first=TIME,
                    last=TIME,
                    sample=described(shape(id=TEXT, message=TEXT), "The newest; its message is cut at 600 characters."),
                    query=described(NULLABLE_TEXT, "A query for such messages; null where there is none."),
                )
            ),
            different=described(COUNT, "How many patterns there are."),
            entries=described(COUNT, "Looked at, the newest 10,000 at most."),
            exact=EXACT_VALUES,
        ),
        example={
            "patterns": [
                {
                    "pattern": "Payment failed for user <id>",
                    "count": 66,
                    "levels": {"debug": 0, "info": 0, "warn": 0, "error": 66, "fatal": 0, "panic": 0},
                    "first": "2026-01-26T14:30:05.000000Z",
                    "last": "2026-01-26T14:34:59.000000Z",
                    "sample": {"id": "4815162342", "message": "Payment failed for user u-4711"},
                    "query": "message:Payment\\ failed\\ for\\ user",
                }
            ],
            "different": 1,
            "entries": 66,
            "exact": True,
        },
    ),
)
