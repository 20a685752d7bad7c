"""Changing rules, silences and incidents: the console and the API are both only callers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from alerts import incidents, searching
from alerts.asking import moment_of
from alerts.models import Incident, Rule, Seen, Silence
from alerts.terms import Kind
from foundation.postgres import current_time, execute
from storage import minutes

#: What a rule looks at: after a change of any of these it begins anew.
LOOKED_AT = (
    "kind", "error_type", "severity", "count_threshold", "time_window_minutes", "project", "environment", "query",
    "group_by", "ratio_percent", "keep_firing_minutes", "digest_every", "digest_at", "digest_weekday", "time_zone",
)  # fmt: skip
#: Where nothing that came lately is known, it would be missed only a week later.
KNOWN_FOR = timedelta(days=7)
MOST_SILENCED = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who changes something: a member of staff, or a key, by its prefix."""

    user_id: int | None = None
    name: str = ""
    by_key: str = ""


def create(rule: Rule, *, by: Actor) -> Rule:
    """Keep a new rule; it looks at what comes from now on. In a transaction of its own."""
    with transaction.atomic():
        rule.owner_id, rule.by_key = by.user_id, by.by_key
        rule.settled_until = rule.created_at = current_time()
        rule.save(force_insert=True)
        _begin(rule)
    return rule


def change(rule: Rule, *, changed: set[str]) -> Rule:
    """Write the fields of a rule that somebody has `changed`. What it looks at anew, it looks at from now on."""
    with transaction.atomic():
        before = Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        fields = set(changed)
        if changed & {"is_active"} or (before.paused_at and changed):
            rule.paused_at, rule.paused_reason, rule.slow_looks = None, "", 0
            fields |= {"paused_at", "paused_reason", "slow_looks"}
        if changed & {"is_active", *LOOKED_AT} or before.paused_at:
            now = current_time()
            incidents.end_all(rule, because="rule_changed" if rule.is_active else "switched_off", now=now)
            rule.settled_until, rule.state, rule.state_reason = now, Rule.State.OK, ""
            fields |= {"settled_until", "state", "state_reason"}
            if changed & set(LOOKED_AT):
                searching.forget(rule.pk)
            rule.save(update_fields=fields)
            _begin(rule)
        elif fields:
            rule.save(update_fields=fields)
    return rule


def delete(rule: Rule) -> None:
    """Delete a rule, and all that it has found."""
    with transaction.atomic():
        searching.forget(rule.pk)
        rule.delete()


def silence(asked: Silence, *, by: Actor) -> Silence:
    """Tell nobody for a time."""
    asked.author_id, asked.by_key = by.user_id, by.by_key
    asked.save(force_insert=True)
    return asked


def end_silence(asked: Silence) -> None:
    """Tell again from now on; what is silenced still, and open, is told now."""
    now = timezone.now()
    if asked.until > now:
        Silence.objects.filter(pk=asked.pk).update(until=now)


def acknowledge(incident: Incident, *, by: Actor) -> None:
    """Note that somebody looks after an incident; the first one counts."""
    name = by.name or f"key {by.by_key}"
    Incident.objects.filter(pk=incident.pk, acknowledged_at=None).update(
        acknowledged_at=timezone.now(), acknowledged_by=name[:150]
    )


def beat(rule_id: int) -> None:
    """Count a heartbeat of a monitor, in the minute that it came in."""
    execute(
        """
        INSERT INTO alerts_minute AS kept (rule_id, minute, value, entries)
        VALUES (%s, date_trunc('minute', now()), '', 1)
            ON CONFLICT (rule_id, minute, value) DO UPDATE SET entries = kept.entries + 1
        """,
        [rule_id],
    )


def longest_silence() -> datetime:
    """Return until when a silence may last."""
    return timezone.now() + MOST_SILENCED


def _begin(rule: Rule) -> None:
    """See what has come lately of what a rule would miss."""
    if rule.kind != Kind.ABSENCE:
        return
    ask = minutes.Ask(
        number=rule.pk,
        organisation_id=rule.organisation_id,
        since=rule.settled_until - KNOWN_FOR,
        until=rule.settled_until + timedelta(minutes=1),
        project=rule.project,
        environment=rule.environment,
        by=rule.group_by,
    )
    last: dict[str, int] = {}
    for counted in minutes.count([ask]):
        if counted.value != minutes.UNKNOWN_PAIR:
            last[counted.value] = max(last.get(counted.value, 0), counted.minute)
    seen = [Seen(rule_id=rule.pk, value=value, last_minute=moment_of(at)) for value, at in last.items()]
    Seen.objects.bulk_create(seen, ignore_conflicts=True)
