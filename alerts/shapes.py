"""What OpenAPI says of a rule, an incident, a silence and a preview, and an example of each."""

from typing import Any

from alerts.models import MOST_CHANNELS, MOST_COUNT, MOST_MINUTES, MOST_NAME, MOST_QUERY
from alerts.terms import Kind
from foundation.openapi import (
    BOOLEAN,
    COUNT,
    INTEGER,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    Schema,
    described,
    list_of,
    nullable,
    shape,
)

KIND: Schema = {"type": "string", "enum": [kind.value for kind in Kind]}
DIGEST_EVERY: Schema = {"type": "string", "enum": ["hour", "day", "week"]}
GROUP_BY: Schema = {"type": "string", "enum": ["environment", "project", "group"]}
TYPE: Schema = {"type": "string", "enum": ["string", "number", "boolean", "array", "object"]}
NULLABLE_TIME = nullable(TIME)
NULLABLE_COUNT = nullable(COUNT)


def whole(lowest: int, highest: int) -> Schema:
    """Return the schema of a whole number between two, both included."""
    return {"type": "integer", "minimum": lowest, "maximum": highest}


INCIDENT = {
    "id": COUNT,
    "rule_id": COUNT,
    "rule_name": TEXT,
    "kind": KIND,
    "group_by": described(NULLABLE_TEXT, "What `value` is: `project`, `environment` or `group`."),
    "value": NULLABLE_TEXT,
    "group": described(NULLABLE_COUNT, "The number of the error group, if `value` is one."),
    "state": {"type": "string", "enum": ["open", "closed"]},
    "opened_at": described(TIME, "The minute of receipt, by our clock."),
    "last_over_at": TIME,
    "closed_at": NULLABLE_TIME,
    "count": described(INTEGER, "The most in a window; a percentage; minutes without anything."),
    "found": described(NULLABLE_TEXT, "The same in words."),
    "drift": described(
        nullable(
            shape(
                field=described(TEXT, "The name of the metadata key, dotted where nested."),
                what={"type": "string", "enum": ["type", "missing"]},
                was=described(nullable(TYPE), "The type that it had."),
                **{"is": described(nullable(TYPE), "The type that it has.")},
                project=TEXT,
                environment=described(TEXT, "Of the first such entry, as is the release."),
                release=TEXT,
                entry_id=TEXT,
            )
        ),
        "Of a `drift`.",
    ),
    "is_late": described(BOOLEAN, "It was over when it was seen: its entries were stored late."),
    "told": described(
        nullable({"type": "string", "enum": ["told", "silenced", "cooled", "flapping", "flaps_on"]}),
        "What became of its message.",
    ),
    "ended_by": described(NULLABLE_TEXT, "`rule_changed` or `switched_off`, where its counts did not end it."),
    "acknowledged_at": NULLABLE_TIME,
    "acknowledged_by": NULLABLE_TEXT,
}
FIELDS = {
    "rule_name": described(TEXT, "Once in an organisation.", minLength=1, maxLength=80),
    "kind": KIND,
    "error_type": described(NULLABLE_TEXT, "Exactly so, or its beginning, as `Payment*`.", maxLength=MOST_NAME),
    "severity": described(LEVEL, "The lowest level that counts. Default: `error`; of groups' kinds: `debug`."),
    "count_threshold": described(whole(1, MOST_COUNT), "1, the default: every occurrence."),
    "time_window_minutes": described(whole(1, MOST_MINUTES), "Default: 5."),
    "channels": described(
        list_of(
            described(TEXT, "`slack`, `email` … or the number of a channel.", maxLength=20), maxItems=MOST_CHANNELS
        ),
        "Empty, the default: all channels of the organisation.",
    ),
    "project": described(NULLABLE_TEXT, "Only of this one.", maxLength=MOST_NAME),
    "environment": described(NULLABLE_TEXT, "Only of this one.", maxLength=MOST_NAME),
    "query": described(NULLABLE_TEXT, "Of a `search`: as `GET /v1/logs` takes it.", maxLength=MOST_QUERY),
    "group_by": described(nullable(GROUP_BY), "An incident for each, and not one for all."),
    "ratio_percent": described(nullable(whole(1, 100)), "Of a `ratio`."),
    "keep_firing_minutes": described(
        nullable(whole(0, MOST_MINUTES)), "Quiet for so long, and it is over. Default: the window."
    ),
    "cooldown_minutes": described(whole(0, MOST_MINUTES), "After a message, incidents of so long come without one."),
    "digest_every": described(nullable(DIGEST_EVERY), "Of a `digest`."),
    "digest_at": described(NULLABLE_TEXT, "Of a digest of a day or a week: `08:30`. Default: `08:00`."),
    "digest_weekday": described(nullable(whole(1, 7)), "Of a digest of a week: 1 is Monday, the default."),
    "digest_if_nothing": described(BOOLEAN, "Send a digest also when nothing happened."),
    "time_zone": described(TEXT, "Of a digest: `Europe/Berlin`. Default: `UTC`.", maxLength=64),
    "is_active": BOOLEAN,
}
RULE = {
    "id": COUNT,
    **FIELDS,
    "is_built_in": described(BOOLEAN, "Made by the product: a project that has stopped sending."),
    "state": {"type": "string", "enum": ["ok", "firing", "unknown", "waiting", "paused", "off"]},
    "state_reason": NULLABLE_TEXT,
    "evaluated_at": NULLABLE_TIME,
    "created_at": TIME,
    "last_incident": nullable(shape(**INCIDENT)),
    "heartbeat_url": described(NULLABLE_TEXT, "Of a monitor, for keys that may manage: POST there."),
}
SILENCE_FIELDS = {
    "rule_id": described(NULLABLE_COUNT, "Only incidents of this rule."),
    "project": described(NULLABLE_TEXT, "Only of this project.", maxLength=MOST_NAME),
    "environment": described(NULLABLE_TEXT, "Only of this environment.", maxLength=MOST_NAME),
    "group": described(NULLABLE_COUNT, "Only of this error group."),
}
SILENCE_SHAPE = shape(
    id=COUNT,
    **SILENCE_FIELDS,
    until=TIME,
    reason=TEXT,
    author=NULLABLE_TEXT,
    by_key=NULLABLE_TEXT,
    created_at=TIME,
)
PREVIEW_SHAPE = shape(
    **{
        "from": described(TIME, "Since when enough is known."),
        "incidents": COUNT,
        "longest_minutes": COUNT,
        "hours": described(list_of(COUNT), "How many began in each hour of the day (UTC)."),
        "bearable_count_threshold": described(NULLABLE_COUNT, "With it there would have been one a day at most."),
        "seconds": {"type": "number"},
        "newest": list_of(shape(value=NULLABLE_TEXT, opened_at=TIME, closed_at=NULLABLE_TIME, count=INTEGER)),
    }
)
EXAMPLE_INCIDENT: dict[str, Any] = {
    "id": 84,
    "rule_id": 7,
    "rule_name": "Payments fail",
    "kind": "threshold",
    "group_by": "environment",
    "value": "production",
    "group": None,
    "state": "open",
    "opened_at": "2026-01-26T14:38:00.000000Z",
    "last_over_at": "2026-01-26T14:50:00.000000Z",
    "closed_at": None,
    "count": 66,
    "found": "66 in 5 min, 20 or more",
    "drift": None,
    "is_late": False,
    "told": "told",
    "ended_by": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
}
EXAMPLE_RULE: dict[str, Any] = {
    "id": 7,
    "rule_name": "Payments fail",
    "kind": "threshold",
    "error_type": "Payment*",
    "severity": "error",
    "count_threshold": 20,
    "time_window_minutes": 5,
    "channels": ["slack", "12"],
    "project": None,
    "environment": None,
    "query": None,
    "group_by": "environment",
    "ratio_percent": None,
    "keep_firing_minutes": None,
    "cooldown_minutes": 30,
    "digest_every": None,
    "digest_at": None,
    "digest_weekday": None,
    "digest_if_nothing": False,
    "time_zone": "UTC",
    "is_active": True,
    "is_built_in": False,
    "state": "firing",
    "state_reason": None,
    "evaluated_at": "2026-01-26T14:50:06.000000Z",
    "created_at": "2026-01-12T08:11:02.100000Z",
    "last_incident": EXAMPLE_INCIDENT,
    "heartbeat_url": None,
}
EXAMPLE_SILENCE: dict[str, Any] = {
    "id": 3,
    "rule_id": 7,
    "project": None,
    "environment": "staging",
    "group": None,
    "until": "2026-01-26T16:00:00.000000Z",
    "reason": "The provider is down.",
    "author": "ann",
    "by_key": None,
    "created_at": "2026-01-26T15:00:00.000000Z",
}
EXAMPLE_PREVIEW: dict[str, Any] = {
    "from": "2025-12-27T14:50:00.000000Z",
    "incidents": 1,
    "longest_minutes": 14,
    "hours": [0] * 9 + [1] + [0] * 14,
    "bearable_count_threshold": None,
    "seconds": 0.031,
    "newest": [
        {
            "value": "production",
            "opened_at": "2026-01-04T09:12:00.000000Z",
            "closed_at": "2026-01-04T09:26:00.000000Z",
            "count": 31,
        }
    ],
}
