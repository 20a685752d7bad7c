"""How OpenAPI describes the API of error groups."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter

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

TAGS = ["Error groups"]
STATE = {"type": "string", "enum": ["unresolved", "resolved", "ignored", "muted"]}
RESOLUTION = {"type": "string", "enum": ["now", "next_release", "release"]}
NULLABLE_TIME = nullable(TIME)
NULLABLE_COUNT = nullable(COUNT)
KEY = {"type": "string", "pattern": "^[0-9a-f]{16}$"}

SUMMARY = {
    "number": described(COUNT, "`group:17` finds its entries."),
    "project": TEXT,
    "type": NULLABLE_TEXT,
    "title": TEXT,
    "culprit": described(NULLABLE_TEXT, "The innermost frame of your own."),
    "level": LEVEL,
    "state": STATE,
    "is_new": described(BOOLEAN, "Made within the last day, and nobody has decided on it."),
    "is_regressed": described(BOOLEAN, "It was resolved, and came back."),
    "is_overflow": described(BOOLEAN, "All errors of a project for which there was no room for groups of their own."),
    "resolution": nullable(RESOLUTION),
    "resolved_in": NULLABLE_TEXT,
    "state_at": TIME,
    "older_events": described(NULLABLE_COUNT, "Of a resolved group: seen since, in releases known then."),
    "ignored": nullable(
        shape(
            until=NULLABLE_TIME,
            until_events=described(NULLABLE_COUNT, "Until it has so many in all."),
            events=NULLABLE_COUNT,
            minutes=NULLABLE_COUNT,
            until_people=NULLABLE_COUNT,
        )
    ),
    "assignee": NULLABLE_TEXT,
    "events": COUNT,
    "people": described(COUNT, "Told apart by `user_id`, `userId` or `user.id`; 1,000 of a fingerprint at most."),
    "has_more_people": BOOLEAN,
    "first_seen": described(TIME, "By our clock."),
    "last_seen": described(TIME, "By our clock."),
    "first_timestamp": described(TIME, "By the clients' clocks, as far as they are not ahead of ours."),
    "last_timestamp": TIME,
}
NAMED = shape(name=TEXT, events=COUNT, first_hour=TIME, last_hour=TIME)
DETAIL = SUMMARY | {
    "basis": described(NULLABLE_TEXT, "Why its errors are one: `grouped by type and 3 frames: …`."),
    "fingerprints": list_of(
        shape(
            key=KEY,
            version=TEXT,
            basis=TEXT,
            parts=list_of(TEXT),
            events=COUNT,
            last_seen=NULLABLE_TIME,
            made_with=described(COUNT, "The group that it was made with, and goes back to when it is split off."),
        )
    ),
    "from": TIME,
    "to": TIME,
    "hours": described(list_of(shape(start=TIME, events=COUNT)), "Of receipt; hours without events are left out."),
    "environments": list_of(NAMED),
    "releases": list_of(NAMED),
    "samples": described(list_of(TEXT), "Ids of its newest entries, and of its first."),
    "turns": described(
        list_of(shape(what=TEXT, who=NULLABLE_TEXT, by_key=NULLABLE_TEXT, details={"type": "object"}, at=TIME)),
        "What happened to it, the newest first.",
    ),
}
EXAMPLE: dict[str, Any] = {
    "number": 17,
    "project": "shop",
    "type": "PaymentError",
    "title": "PaymentError: Insufficient funds",
    "culprit": "src/payment.ts in processPayment",
    "level": "error",
    "state": "unresolved",
    "is_new": False,
    "is_regressed": True,
    "is_overflow": False,
    "resolution": None,
    "resolved_in": None,
    "state_at": "2026-01-26T14:30:00.000000Z",
    "older_events": None,
    "ignored": None,
    "assignee": "ann",
    "events": 417,
    "people": 66,
    "has_more_people": False,
    "first_seen": "2026-01-12T08:11:02.100000Z",
    "last_seen": "2026-01-26T14:30:05.412733Z",
    "first_timestamp": "2026-01-12T08:11:01.000000Z",
    "last_timestamp": "2026-01-26T14:30:05.000000Z",
}
EXAMPLE_DETAIL = EXAMPLE | {
    "basis": "grouped by type and 2 frames: PaymentError · src/payment.ts|processPayment · src/checkout.ts|checkout",
    "fingerprints": [
        {
            "key": "3f2a9c1b77de0a41",
            "version": "l1",
            "basis": "grouped by type and 2 frames: PaymentError · src/payment.ts|processPayment · …",
            "parts": ["s", "PaymentError", "src/payment.ts|processPayment\nsrc/checkout.ts|checkout"],
            "events": 417,
            "last_seen": "2026-01-26T14:30:05.412733Z",
            "made_with": 17,
        }
    ],
    "from": "2026-01-12T14:30:06.000000Z",
    "to": "2026-01-26T14:30:06.000000Z",
    "hours": [{"start": "2026-01-26T14:00:00.000000Z", "events": 12}],
    "environments": [
        {
            "name": "production",
            "events": 417,
            "first_hour": "2026-01-12T08:00:00.000000Z",
            "last_hour": "2026-01-26T14:00:00.000000Z",
        }
    ],
    "releases": [],
    "samples": ["4815162342"],
    "turns": [
        {
            "what": "regressed",
            "who": None,
            "by_key": None,
            "details": {"release": "1.4.2"},
            "at": "2026-01-26T14:30:05.412733Z",
        }
    ],
}
IGNORE = shape(
    optional={"until": TIME, "events": COUNT, "minutes": COUNT, "people": COUNT},
)
CHANGES = shape(
    optional={
        "state": STATE,
        "resolution": described(RESOLUTION, "With `resolved`. Default: `release` if one is named, else `now`."),
        "release": TEXT,
        "ignore": described(IGNORE, "With `ignored`: a time, so many more events, those in minutes, or more people."),
        "assignee": described(NULLABLE_TEXT, "The name of a member of staff, or null."),
        "comment": TEXT,
    },
)
REFUSALS = {
    400: "`invalid_parameter`.",
    **openapi.REFUSED_READERS,
    429: "`rate_limited`.",
    503: "`storage_unavailable`.",
}
BODY_REFUSALS = REFUSALS | {
    400: "`malformed_json`, `invalid_encoding`, `invalid_payload` (which says why), `invalid_parameter`.",
    403: "`forbidden`: the key may not manage.",
    411: "`length_required`.",
    413: "`body_too_large`.",
    415: "`unsupported_media_type`, `unsupported_encoding`.",
}
UNKNOWN = "`not_found`: your organisation has no such group."


def operation(
    operation_id: str, summary: str, *, answers: Answers, refusals: dict[int, str], **rest: Any
) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator that describes one address of groups."""
    return openapi.operation(operation_id, summary, tags=TAGS, answers=answers, refusals=refusals, **rest)


def _text(name: str, description: str, **rest: Any) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description, **rest)


GROUPS = operation(
    "list_groups",
    "List error groups",
    parameters=[
        _text(
            "state",
            "Default: all.",
            enum=["all", "unresolved", "new", "regressed", "resolved", "ignored", "muted"],
        ),
        _text("project", "Of this project."),
        _text("environment", "Seen in this environment."),
        _text("release", "Seen in this release."),
        _text("query", "Text in title or culprit, in any case."),
        _text("sort", "Default: last_seen.", enum=["last_seen", "first_seen", "events", "people"]),
        OpenApiParameter("limit", int, description="1 to 100; default 50."),
        _text("cursor", "`next_cursor` of the page before."),
    ],
    answers=json_answer(
        shape(groups=list_of(shape(**SUMMARY)), next_cursor=NULLABLE_TEXT),
        example={"groups": [EXAMPLE], "next_cursor": None},
    ),
    refusals=REFUSALS,
)
GROUP = operation(
    "read_group",
    "One error group",
    parameters=[
        _text("from", "RFC 3339: of hours, environments and releases. Default: 14 days before `to`."),
        _text("to", "RFC 3339. Default: now."),
    ],
    answers=json_answer(shape(**DETAIL), example=EXAMPLE_DETAIL),
    refusals=REFUSALS | {404: UNKNOWN},
)
CHANGE = operation(
    "change_group",
    "Resolve, ignore, mute, assign, comment on a group",
    answers=json_answer(shape(**DETAIL), example=EXAMPLE_DETAIL),
    refusals=BODY_REFUSALS | {404: UNKNOWN},
    request={"application/json": CHANGES},
)
MERGE = operation(
    "merge_groups",
    "Make one group of several",
    answers=json_answer(shape(**DETAIL), "The group that they are one with.", example=EXAMPLE_DETAIL),
    refusals=BODY_REFUSALS | {404: UNKNOWN},
    request={"application/json": shape(groups=list_of(COUNT, minItems=1, maxItems=100))},
)
SPLIT = operation(
    "split_group",
    "Take fingerprints out of a group",
    answers=json_answer(shape(groups=list_of(COUNT)), "The groups that they are in now.", example={"groups": [18]}),
    refusals=BODY_REFUSALS | {404: UNKNOWN},
    request={"application/json": shape(fingerprints=list_of(KEY, minItems=1))},
)
