"""How OpenAPI describes the API of alerts."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from alerts.models import MOST_CHANNELS, MOST_COUNT, MOST_MINUTES, MOST_NAME, MOST_QUERY
from alerts.terms import Kind
from foundation import openapi
from foundation.openapi import (
    BOOLEAN,
    COUNT,
    INTEGER,
    LEVEL,
    NULLABLE_TEXT,
    TEXT,
    TIME,
    Answers,
    Endpoint,
    Schema,
    described,
    json_answer,
    list_of,
    nullable,
    shape,
)

TAGS = ["Alerts"]
KIND: Schema = {"type": "string", "enum": [kind.value for kind in Kind]}
DIGEST_EVERY: Schema = {"type": "string", "enum": ["hour", "day", "week"]}
GROUP_BY: Schema = {"type": "string", "enum": ["environment", "project", "group"]}
TYPE: Schema = {"type": "string", "enum": ["string", "number", "boolean", "array", "object"]}
NULLABLE_TIME = nullable(TIME)
NULLABLE_COUNT = nullable(COUNT)


def _whole(lowest: int, highest: int) -> Schema:
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
    "count_threshold": described(_whole(1, MOST_COUNT), "1, the default: every occurrence."),
    "time_window_minutes": described(_whole(1, MOST_MINUTES), "Default: 5."),
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
    "ratio_percent": described(nullable(_whole(1, 100)), "Of a `ratio`."),
    "keep_firing_minutes": described(
        nullable(_whole(0, MOST_MINUTES)), "Quiet for so long, and it is over. Default: the window."
    ),
    "cooldown_minutes": described(_whole(0, MOST_MINUTES), "After a message, incidents of so long come without one."),
    "digest_every": described(nullable(DIGEST_EVERY), "Of a `digest`."),
    "digest_at": described(NULLABLE_TEXT, "Of a digest of a day or a week: `08:30`. Default: `08:00`."),
    "digest_weekday": described(nullable(_whole(1, 7)), "Of a digest of a week: 1 is Monday, the default."),
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
REFUSALS = {
    400: "`invalid_parameter`.",
    **openapi.REFUSED_READERS,
    429: "`rate_limited`.",
    503: "`storage_unavailable`.",
}
BODY_REFUSALS = REFUSALS | {
    400: "`malformed_json`, `invalid_encoding`, `nesting_too_deep`, `invalid_parameter`, `invalid_payload` (says why).",
    403: "`forbidden`: the key may not manage.",
    408: "`request_timeout`.",
    411: "`length_required`.",
    413: "`body_too_large`.",
    415: "`unsupported_media_type`, `unsupported_encoding`.",
}
CHANGE_REFUSALS = REFUSALS | {403: "`forbidden`: the key may not manage."}
NO_RULE, NO_INCIDENT, NO_SILENCE = (
    f"`not_found`: your organisation has no such {what}." for what in ("rule", "incident", "silence")
)


def _operation(
    operation_id: str, summary: str, *, answers: Answers, refusals: dict[int, str], **rest: Any
) -> Callable[[Endpoint], Endpoint]:
    return openapi.operation(operation_id, summary, tags=TAGS, answers=answers, refusals=refusals, **rest)


def _made(schema: Schema, *, example: Any) -> Answers:
    examples = [OpenApiExample("answer", value=example, response_only=True, status_codes=["201"])]
    return {(201, "application/json"): OpenApiResponse(schema, "It is made.", examples=examples)}


def _number(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, int, description=description)


NOTHING: Answers = {204: OpenApiResponse(None, "It is gone.")}
LIMIT = _number("limit", "1 to 100; default 50.")
AFTER = _number("after", "`next_after` of the page before.")

RULES = _operation(
    "list_alert_rules",
    "List alert rules",
    parameters=[LIMIT, AFTER],
    answers=json_answer(
        shape(rules=list_of(shape(**RULE)), next_after=NULLABLE_COUNT),
        example={"rules": [EXAMPLE_RULE], "next_after": None},
    ),
    refusals=REFUSALS,
)
CREATE = _operation(
    "create_alert_rule",
    "Make an alert rule",
    answers=_made(shape(**RULE), example=EXAMPLE_RULE),
    refusals=BODY_REFUSALS,
    request={
        "application/json": shape(
            rule_name=FIELDS["rule_name"],
            optional={name: field for name, field in FIELDS.items() if name != "rule_name"},
        )
    },
)
PREVIEW = _operation(
    "preview_alert_rule",
    "Tell what a rule would have found in the last 30 days",
    answers=json_answer(PREVIEW_SHAPE, example=EXAMPLE_PREVIEW),
    refusals=BODY_REFUSALS
    | {403: "`forbidden`: the key may not read.", 503: "`storage_unavailable`, `query_timeout`."},
    request={"application/json": shape(optional=FIELDS)},
)
RULE_ANSWER = json_answer(shape(**RULE), example=EXAMPLE_RULE)
ONE_RULE = REFUSALS | {404: NO_RULE}
CHANGE = _operation(
    "change_alert_rule",
    "Change an alert rule, or switch it",
    answers=RULE_ANSWER,
    refusals=BODY_REFUSALS | {404: NO_RULE},
    request={"application/json": shape(optional=FIELDS)},
)
DELETE = _operation(
    "delete_alert_rule", "Delete an alert rule and its incidents", answers=NOTHING,
    refusals=CHANGE_REFUSALS | {404: NO_RULE},
)  # fmt: skip
INCIDENTS = _operation(
    "list_incidents",
    "List incidents, the newest first",
    parameters=[
        OpenApiParameter("state", str, description="Default: all.", enum=["all", "open", "closed"]),
        _number("rule_id", "Of this rule."),
        LIMIT,
        _number("before", "`next_before` of the page before."),
    ],
    answers=json_answer(
        shape(incidents=list_of(shape(**INCIDENT)), next_before=NULLABLE_COUNT),
        example={"incidents": [EXAMPLE_INCIDENT], "next_before": None},
    ),
    refusals=REFUSALS,
)
INCIDENT_ANSWER = json_answer(shape(**INCIDENT), example=EXAMPLE_INCIDENT)
ACKNOWLEDGE = _operation(
    "acknowledge_incident",
    "Say that somebody looks after an incident",
    answers=INCIDENT_ANSWER,
    refusals=BODY_REFUSALS | {404: NO_INCIDENT},
    request={"application/json": shape(acknowledged=BOOLEAN)},
)
SILENCES = _operation(
    "list_silences",
    "List silences in force",
    parameters=[LIMIT, AFTER],
    answers=json_answer(
        shape(silences=list_of(SILENCE_SHAPE), next_after=NULLABLE_COUNT),
        example={"silences": [EXAMPLE_SILENCE], "next_after": None},
    ),
    refusals=REFUSALS,
)
SILENCE = _operation(
    "create_silence",
    "Silence incidents for a time",
    answers=_made(SILENCE_SHAPE, example=EXAMPLE_SILENCE),
    refusals=BODY_REFUSALS,
    request={
        "application/json": shape(
            reason=described(TEXT, "Why.", minLength=1, maxLength=200),
            optional=SILENCE_FIELDS
            | {"until": described(TIME, "Or `minutes`."), "minutes": described(_whole(1, 527_040), "Or `until`.")},
        )
    },
)
END_SILENCE = _operation(
    "end_silence", "End a silence now", answers=NOTHING, refusals=CHANGE_REFUSALS | {404: NO_SILENCE}
)
HEARTBEAT = _operation(
    "send_heartbeat",
    "Send a monitor's heartbeat",
    answers=json_answer(shape(ok=BOOLEAN), example={"ok": True}),
    refusals={404: "`not_found`: no monitor has this address.", 503: "`storage_unavailable`."},
    auth=[],
    request=None,
    description="No key is needed: the address is the secret. A body is not read.",
)
RULE_OPERATION = _operation("read_alert_rule", "One alert rule", answers=RULE_ANSWER, refusals=ONE_RULE)
INCIDENT_OPERATION = _operation(
    "read_incident", "One incident", answers=INCIDENT_ANSWER, refusals=REFUSALS | {404: NO_INCIDENT}
)
