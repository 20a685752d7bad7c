"""Rules and silences as callers write them in JSON: each member checked by itself, then together."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from alerts.checking import wrong_with
from alerts.models import MOST_CHANNELS, MOST_COUNT, MOST_MINUTES, MOST_NAME, MOST_QUERY, Rule, Silence
from alerts.terms import NOT_COUNTED, Kind
from foundation.levels import BY_NAME, Level
from foundation.parameters import Parameters
from foundation.refusals import FieldError, Refusal

Read = Callable[[Any], Any]


class Unfit(Exception):
    """A member is not what it should be; the text says what it should."""


def _text(most: int, *, least: int = 0) -> Read:
    def read(value: Any) -> str:
        text = "" if value is None else value
        if not isinstance(text, str) or not least <= len(text.strip()) <= len(text) <= most or "\0" in text:
            raise Unfit(f"must be a text of {least} to {most} characters")
        return text.strip()

    return read


def _number(lowest: int, highest: int, *, may_be_null: bool = False) -> Read:
    def read(value: Any) -> int | None:
        if value is None and may_be_null:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise Unfit(f"must be a whole number from {lowest} to {highest}")
        return value

    return read


def _one_of(names: Iterable[str], *, nothing: bool = False) -> Read:
    known = [*names]

    def read(value: Any) -> str:
        if value is None and nothing:
            return ""
        if not isinstance(value, str) or value not in known:
            raise Unfit(f"must be one of {', '.join(name for name in known if name)}")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be true or false")
    return value


def _channels(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_CHANNELS:
        raise Unfit(f"must be a list of {MOST_CHANNELS} at most")
    names = [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in value]
    if not all(isinstance(name, str) and 0 < len(name) <= 20 and "\0" not in name for name in names):
        raise Unfit("must hold kinds of channels, or their numbers")
    return list(dict.fromkeys(names))


def _time(value: Any) -> time | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII):
        raise Unfit("must be a time of day, as 08:30")
    return time.fromisoformat(value)


def _severity(value: Any) -> int:
    return BY_NAME[_one_of(BY_NAME)(value)].value


RULE: Mapping[str, Read] = {
    "rule_name": _text(80, least=1),
    "kind": _one_of(kind.value for kind in Kind),
    "error_type": _text(MOST_NAME),
    "severity": _severity,
    "count_threshold": _number(1, MOST_COUNT),
    "time_window_minutes": _number(1, MOST_MINUTES),
    "channels": _channels,
    "project": _text(MOST_NAME),
    "environment": _text(MOST_NAME),
    "query": _text(MOST_QUERY),
    "group_by": _one_of(Rule.GroupBy.values, nothing=True),
    "ratio_percent": _number(1, 100, may_be_null=True),
    "keep_firing_minutes": _number(0, MOST_MINUTES, may_be_null=True),
    "cooldown_minutes": _number(0, MOST_MINUTES),
    "digest_every": _one_of(["hour", "day", "week"], nothing=True),
    "digest_at": _time,
    "digest_weekday": _number(1, 7, may_be_null=True),
    "digest_if_nothing": _flag,
    "time_zone": _text(64, least=1),
    "is_active": _flag,
}
SILENCE = ("rule_id", "project", "environment", "group", "until", "minutes", "reason")


def rule(given: Mapping[str, Any], organisation_id: int) -> Rule:
    """Return the new rule that a caller asks for. Raises: `Refusal`."""
    values = _read(given, RULE)
    kind = values.get("kind", Kind.THRESHOLD)
    if kind in NOT_COUNTED:
        values.setdefault("severity", Level.DEBUG.value)
    made = Rule(organisation_id=organisation_id, **values)
    _refuse(wrong_with(made), needed=() if "rule_name" in values else ("rule_name",))
    return made


def change(before: Rule, given: Mapping[str, Any]) -> set[str]:
    """Write what a caller changes into a rule; return the names of what is different now. Raises: `Refusal`."""
    values = _read(given, RULE)
    changed = {name for name, value in values.items() if getattr(before, name) != value}
    if before.paused_at and values.get("is_active"):
        changed.add("is_active")  # it is switched on again
    for name in changed:
        setattr(before, name, values[name])
    _refuse(wrong_with(before))
    return changed


def silence(given: Mapping[str, Any], organisation_id: int, *, most: datetime, now: datetime) -> Silence:
    """Return the silence that a caller asks for. Raises: `Refusal`."""
    reads: dict[str, Read] = {
        "rule_id": _number(1, 2**63 - 1, may_be_null=True),
        "project": _text(MOST_NAME),
        "environment": _text(MOST_NAME),
        "group": _number(1, 10**9, may_be_null=True),
        "until": _text(40),
        "minutes": _number(1, 366 * 24 * 60),
        "reason": _text(200, least=1),
    }
    values = _read(given, reads)
    until, minutes = values.pop("until", ""), values.pop("minutes", None)
    if bool(until) == (minutes is not None):
        raise Refusal("invalid_payload", "Say until, or for how many minutes.")
    moment = Parameters({"until": until}).moment("until") if until else now + timedelta(minutes=minutes)
    if moment is None or not now < moment <= most:
        raise Refusal("invalid_payload", "until must be in the future, and within a year.")
    if (
        values.get("rule_id")
        and not Rule.objects.filter(pk=values["rule_id"], organisation_id=organisation_id).exists()
    ):
        raise Refusal("invalid_payload", "rule_id is the id of none of your rules.")
    _refuse((), needed=() if "reason" in values else ("reason",))
    return Silence(organisation_id=organisation_id, until=moment, **values)


def _read(given: Mapping[str, Any], reads: Mapping[str, Read]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(reads))
    if unknown:
        raise Refusal("invalid_payload", f"The body holds some of {', '.join(reads)}, and nothing else.")
    values, wrong = {}, []
    for name, value in given.items():
        try:
            values[name] = reads[name](value)
        except Unfit as error:
            wrong.append((name, str(error)))
    _refuse(wrong)
    return values


def _refuse(wrong: Iterable[tuple[str, str]], *, needed: Iterable[str] = ()) -> None:
    errors = [FieldError(pointer=f"/{name}", code="field_required", detail="is missing") for name in needed]
    errors += [FieldError(pointer=f"/{name}", code="invalid_payload", detail=detail) for name, detail in wrong]
    if errors:
        first = errors[0]
        raise Refusal("invalid_payload", f"{first.pointer[1:]}: {first.detail}", errors=errors[:20])
