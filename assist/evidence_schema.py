"""How OpenAPI describes the evidence of a group."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from foundation.openapi import (
    BOOLEAN,
    COUNT,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    Schema,
    described,
    json_answer,
    list_of,
    nullable,
    shape,
)
from issues.schema import REFUSALS, UNKNOWN, operation

NUMBER: Schema = {"type": "number"}
PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
STATUS = {"type": "string", "enum": ["ok", "nothing", "timed_out", "failed"]}
ID = described(TEXT, "What an explanation may refer to.")
NULLABLE_TIME, NULLABLE_COUNT, NULLABLE_PERCENT = nullable(TIME), nullable(COUNT), nullable(PERCENT)
SEEN = shape(name=TEXT, first_seen=TIME, events=COUNT)
COUNTED = shape(name=TEXT, events=COUNT)


def part(description: str, **members: Schema) -> Schema:
    """Return the schema of a part, which has its members if its status is ok."""
    note = described(NULLABLE_TEXT, "Why it says nothing, or what to know of it.")
    return described(shape(id=TEXT, status=STATUS, note=note, optional=members), description)


PARTS = {
    "first_seen": part(
        "Where it was first seen.",
        at=TIME,
        release=NULLABLE_TEXT,
        release_first_seen=described(NULLABLE_TIME, "When the release was seen first, in any error of the project."),
        minutes_after_release=NULLABLE_COUNT,
        release_before=described(NULLABLE_TEXT, "The newest older release, in which it was never seen."),
        releases=list_of(SEEN),
        environments=list_of(SEEN),
    ),
    "different": part(
        "What its entries have more often than others of the same project, environments and time, beyond chance: an "
        "exact hypergeometric test of each name and value of metadata, divided among all comparisons.",
        start=TIME,
        end=TIME,
        failing=described(COUNT, "Entries of the group that were compared."),
        others=COUNT,
        compared=described(COUNT, "Pairs of a name and a value."),
        left_out=described(list_of(TEXT), "Names whose values are mostly of one entry each."),
        findings=list_of(
            shape(
                id=ID,
                name=TEXT,
                value=described(NULLABLE_TEXT, "null: they lack what others have."),
                failing=COUNT,
                others=COUNT,
                share_percent=PERCENT,
                share_of_others_percent=PERCENT,
                chance=described(NUMBER, "How likely chance alone brings it about."),
            ),
            maxItems=20,
        ),
    ),
    "before": part(
        "What was logged before its newest entry: in its trace, else within 10 seconds around it.",
        entry=TEXT,
        trace_id=NULLABLE_TEXT,
        lines=list_of(
            shape(
                id=ID, entry=TEXT, at=TIME, seconds=described(NUMBER, "Negative: before."), level=LEVEL,
                project=TEXT, message=described(TEXT, "Its beginning."),
            ),
            maxItems=30,
        ),
    ),
    "when": part(
        "When it became frequent, in the last 48 hours of it, and what began within 5 minutes of that.",
        began=NULLABLE_TIME,
        is_spike=described(BOOLEAN, "Whether a minute had three times the median; else it is when it came first."),
        series=shape(start=TIME, step_seconds=COUNT, events=list_of(COUNT)),
        began_with_it=list_of(
            shape(
                id=ID, what={"type": "string", "enum": ["new", "regressed", "release"]}, group=NULLABLE_COUNT,
                title=TEXT, at=TIME,
            )
        ),
    ),
    "who": part(
        "Whom it meets; and where, in the last 14 days.",
        people=COUNT,
        has_more_people=BOOLEAN,
        share_percent=described(NULLABLE_PERCENT, "Of the entries of its project, environments and time."),
        environments=list_of(COUNTED),
        releases=list_of(COUNTED),
    ),
    "relatives": part(
        "Groups that are like it.",
        groups=list_of(
            shape(id=ID, number=COUNT, title=TEXT, culprit=NULLABLE_TEXT, state=TEXT, why=list_of(TEXT),
                  last_seen=NULLABLE_TIME)
        ),
    ),
    "traces": part(
        "Groups whose errors come in at least 30 % of its traces.",
        looked_at=described(COUNT, "Traces."),
        groups=list_of(shape(id=ID, number=COUNT, title=TEXT, share_percent=PERCENT)),
    ),
    "basis": part(
        "Why it is one group.",
        fingerprints=COUNT,
        reasons=list_of(shape(basis=TEXT, events=COUNT)),
    ),
}  # fmt: skip
EXAMPLE: dict[str, Any] = {
    "number": 17,
    "title": "PaymentError: Insufficient funds",
    "culprit": "src/payment.ts in processPayment",
    "project": "shop",
    "from": "2026-01-24T14:30:06.000000Z",
    "to": "2026-01-26T14:30:06.000000Z",
    "parts": {
        "first_seen": {
            "id": "first_seen",
            "status": "ok",
            "note": None,
            "at": "2026-01-26T14:30:05.412733Z",
            "release": "1.4.2",
            "release_first_seen": "2026-01-26T14:22:40.000000Z",
            "minutes_after_release": 7,
            "release_before": "1.4.1",
            "releases": [{"name": "1.4.2", "first_seen": "2026-01-26T14:30:00.000000Z", "events": 417}],
            "environments": [{"name": "production", "first_seen": "2026-01-26T14:30:00.000000Z", "events": 417}],
        },
        "different": {
            "id": "different",
            "status": "ok",
            "note": None,
            "start": "2026-01-24T14:30:06.000000Z",
            "end": "2026-01-26T14:30:06.000000Z",
            "failing": 417,
            "others": 5000,
            "compared": 212,
            "left_out": ["request_id"],
            "findings": [
                {
                    "id": "different-1",
                    "name": "release",
                    "value": "1.4.2",
                    "failing": 379,
                    "others": 498,
                    "share_percent": 91.0,
                    "share_of_others_percent": 10.0,
                    "chance": 2.1e-251,
                }
            ],
        },
        "before": {"id": "before", "status": "nothing", "note": "Nothing else was logged there."},
        "when": {"id": "when", "status": "timed_out", "note": "It took longer than 2 seconds."},
        "who": {
            "id": "who",
            "status": "ok",
            "note": None,
            "people": 66,
            "has_more_people": False,
            "share_percent": 0.8,
            "environments": [{"name": "production", "events": 417}],
            "releases": [{"name": "1.4.2", "events": 417}],
        },
        "relatives": {"id": "relatives", "status": "nothing", "note": "No other group is like it."},
        "traces": {"id": "traces", "status": "nothing", "note": "Its entries have no traces."},
        "basis": {
            "id": "basis",
            "status": "ok",
            "note": None,
            "fingerprints": 1,
            "reasons": [{"basis": "grouped by type and 2 frames: PaymentError · src/payment.ts|processPayment · …",
                         "events": 417}],
        },
    },
    "digest": "3f2a9c1b77de0a413f2a9c1b77de0a41",
    "made_at": "2026-01-26T14:31:00.000000Z",
    "is_complete": False,
}  # fmt: skip
EVIDENCE = operation(
    "read_evidence",
    "What explains an error group",
    parameters=[
        OpenApiParameter(
            "refresh",
            str,
            enum=["false", "true"],
            description="true: gather it now. Default: what was gathered in the last 5 minutes will do.",
        )
    ],
    answers=json_answer(
        shape(
            number=COUNT,
            title=TEXT,
            culprit=NULLABLE_TEXT,
            project=TEXT,
            parts=shape(**PARTS),
            **{"from": TIME, "to": TIME},
            digest=described(TEXT, "Of all but when it was gathered."),
            made_at=TIME,
            is_complete=described(BOOLEAN, "No part took longer than 2 seconds, or failed."),
        ),
        "Parts that say nothing, or could not be told in time, say so in `status` and `note`.",
        example=EXAMPLE,
    ),
    refusals=REFUSALS | {404: UNKNOWN},
)
