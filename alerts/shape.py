"""Rules, incidents and silences in the API's shape."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alerts import heartbeats, words
from alerts.asking import moment_of
from alerts.models import Incident, Rule, Silence
from alerts.preview import Preview
from alerts.terms import OF_TURNS, Kind
from foundation.levels import Level


def as_text(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC with microseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def rule(one: Rule, latest: Mapping[int, Incident], *, base_url: str, shows_address: bool) -> dict[str, Any]:
    """Return a rule with its standing; `latest` are the newest incidents of rules."""
    last = latest.get(one.pk)
    return {
        "id": one.pk,
        "rule_name": one.rule_name,
        "kind": one.kind,
        "error_type": one.error_type or None,
        "severity": Level(one.severity).label,
        "count_threshold": one.count_threshold,
        "time_window_minutes": one.time_window_minutes,
        "channels": list(one.channels),
        "project": one.project or None,
        "environment": one.environment or None,
        "query": one.query or None,
        "group_by": one.group_by or None,
        "ratio_percent": one.ratio_percent,
        "keep_firing_minutes": one.keep_firing_minutes,
        "cooldown_minutes": one.cooldown_minutes,
        "digest_every": one.digest_every or None,
        "digest_at": f"{one.digest_at:%H:%M}" if one.digest_at else None,
        "digest_weekday": one.digest_weekday,
        "digest_if_nothing": one.digest_if_nothing,
        "time_zone": one.time_zone,
        "is_active": one.is_active,
        "is_built_in": one.is_built_in,
        "state": standing(one),
        "state_reason": one.paused_reason or one.state_reason or None,
        "evaluated_at": as_text(one.evaluated_at),
        "created_at": as_text(one.created_at),
        "last_incident": incident(last, one) if last else None,
        "heartbeat_url": f"{base_url}/v1/heartbeats/{heartbeats.token_of(one)}"
        if one.kind == Kind.MONITOR and shows_address
        else None,
    }


def standing(one: Rule) -> str:
    """Return a rule's state in one word."""
    if not one.is_active:
        return "off"
    return "paused" if one.paused_at else one.state


def incident(one: Incident, its_rule: Rule) -> dict[str, Any]:
    """Return an incident."""
    of_group = its_rule.group_by == Rule.GroupBy.GROUP or its_rule.kind in OF_TURNS
    return {
        "id": one.pk,
        "rule_id": one.rule_id,
        "rule_name": its_rule.rule_name,
        "kind": its_rule.kind,
        "group_by": "group" if of_group else its_rule.group_by or None,
        "value": one.value or None,
        "group": int(one.value) if of_group and one.value.isdecimal() else None,
        "state": "closed" if one.closed_at else "open",
        "opened_at": as_text(one.opened_at),
        "last_over_at": as_text(one.last_over_at),
        "closed_at": as_text(one.closed_at),
        "count": one.peak,
        "found": words.found(its_rule, one) or None,
        "drift": one.details,
        "is_late": one.is_late,
        "told": one.told or None,
        "ended_by": one.ended_by or None,
        "acknowledged_at": as_text(one.acknowledged_at),
        "acknowledged_by": one.acknowledged_by or None,
    }


def silence(one: Silence) -> dict[str, Any]:
    """Return a silence."""
    return {
        "id": one.pk,
        "rule_id": one.rule_id,
        "project": one.project or None,
        "environment": one.environment or None,
        "group": one.group,
        "until": as_text(one.until),
        "reason": one.reason,
        "author": one.author.get_username() if one.author else None,
        "by_key": one.by_key or None,
        "created_at": as_text(one.created_at),
    }


def preview(one: Preview) -> dict[str, Any]:
    """Return what a rule would have found."""
    return {
        "from": as_text(one.start),
        "incidents": one.count,
        "longest_minutes": one.longest_minutes,
        "hours": list(one.hours),
        "bearable_count_threshold": one.bearable,
        "seconds": round(one.seconds, 3),
        "newest": [
            {
                "value": spell.value or None,
                "opened_at": as_text(moment_of(spell.opened)),
                "closed_at": as_text(moment_of(spell.closed)) if spell.closed is not None else None,
                "count": spell.peak,
            }
            for spell in one.incidents
        ],
    }
