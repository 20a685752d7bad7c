"""A group in the API's shape."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from issues.listing import Summary
from issues.people import MOST_PEOPLE
from issues.reading import Detail, Happened, Made, NamedCount


def as_text(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC with microseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def summary(one: Summary, users: Mapping[int, str]) -> dict[str, Any]:
    """Return a group as lists show it; `users` are names of members of staff."""
    return {
        "number": one.number,
        "project": one.project,
        "type": one.type or None,
        "title": one.title,
        "culprit": one.culprit or None,
        "level": one.level.label,
        "state": one.state,
        "is_new": one.is_new,
        "is_regressed": one.is_regressed,
        "is_overflow": one.is_overflow,
        "resolution": one.resolution or None,
        "resolved_in": one.resolved_in or None,
        "state_at": as_text(one.state_at),
        "older_events": one.older_events if one.state == "resolved" else None,
        "ignored": _ignored(one) if one.state == "ignored" else None,
        "assignee": users.get(one.assignee_id) if one.assignee_id else None,
        "events": one.events,
        "people": one.people,
        "has_more_people": one.people >= MOST_PEOPLE,
        "first_seen": as_text(one.first_received_at),
        "last_seen": as_text(one.last_received_at),
        "first_timestamp": as_text(one.first_at),
        "last_timestamp": as_text(one.last_at),
    }


def detail(one: Detail, users: Mapping[int, str]) -> dict[str, Any]:
    """Return one group with all that is known of it."""
    return summary(one.summary, users) | {
        "people": one.people,
        "basis": one.fingerprints[0].why if one.fingerprints else None,
        "fingerprints": [_made(made) for made in one.fingerprints],
        "from": as_text(one.start),
        "to": as_text(one.end),
        "hours": [{"start": as_text(hour), "events": events} for hour, events in one.hours],
        "environments": [_named(named) for named in one.environments],
        "releases": [_named(named) for named in one.releases],
        "samples": [str(sample) for sample in one.samples],
        "turns": [_turn(turn, users) for turn in one.turns],
    }


def key_text(key: int) -> str:
    """Return a key as 16 hexadecimal digits: JavaScript's numbers would round it."""
    return f"{key % 2**64:016x}"


def read_key(text: object) -> int | None:
    """Return the key that `text` is."""
    if not isinstance(text, str) or len(text) != 16 or not all(one in "0123456789abcdef" for one in text):
        return None
    key = int(text, 16)
    return key - 2**64 if key >= 2**63 else key


def _ignored(one: Summary) -> dict[str, Any]:
    return {
        "until": as_text(one.ignored_until),
        "until_events": one.ignored_events,
        "events": one.ignored_rate,
        "minutes": one.ignored_minutes,
        "until_people": one.ignored_people,
    }


def _made(made: Made) -> dict[str, Any]:
    return {
        "key": key_text(made.key),
        "version": made.version,
        "basis": made.why,
        "parts": list(made.basis),
        "events": made.events,
        "last_seen": as_text(made.last_received_at),
        "made_with": made.home,
    }


def _named(named: NamedCount) -> dict[str, Any]:
    return {
        "name": named.name,
        "events": named.events,
        "first_hour": as_text(named.first_hour),
        "last_hour": as_text(named.last_hour),
    }


def _turn(turn: Happened, users: Mapping[int, str]) -> dict[str, Any]:
    return {
        "what": turn.what,
        "who": users.get(turn.who_id) if turn.who_id else None,
        "by_key": turn.by_key or None,
        "details": turn.details,
        "at": as_text(turn.at),
    }
