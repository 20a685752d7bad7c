"""How OpenAPI describes the operations of the API of alerts."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from alerts.shapes import (
    EXAMPLE_INCIDENT,
    EXAMPLE_PREVIEW,
    EXAMPLE_RULE,
    EXAMPLE_SILENCE,
    FIELDS,
    INCIDENT,
    NULLABLE_COUNT,
    PREVIEW_SHAPE,
    RULE,
    SILENCE_FIELDS,
    SILENCE_SHAPE,
    whole,
)
from foundation import openapi
from foundation.openapi import (
    BOOLEAN,
    TEXT,
    TIME,
    Answers,
    Endpoint,
    Schema,
    described,
    json_answer,
    list_of,
    shape,
)

TAGS = ["Alerts"]
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
            | {"until": described(TIME, "Or `minutes`."), "minutes": described(whole(1, 527_040), "Or `until`.")},
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
