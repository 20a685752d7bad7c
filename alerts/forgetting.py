"""What goes by itself: minutes, incidents and silences that nobody looks at any more; and all of an organisation."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from alerts.models import Incident, Minute, Rule, Seen
from foundation import sweeping
from foundation.holdings import Wanted
from foundation.postgres import execute
from foundation.sweeping import some_of

#: As long as minutes of the log store are.
MINUTES_KEPT_DAYS = 32
INCIDENTS_KEPT_DAYS = 400
SILENCES_KEPT_DAYS = 90
#: Of a rule, texts that may hold what clients sent.
TEXTS = ("rule_name", "query", "project", "environment", "error_type")
#: Of what an incident keeps of a drift, what clients named.
NAMED = ("field", "project", "environment", "release")

SWEEPS = [
    some_of(table, condition)
    for table, condition in (
        ("alerts_minute", f"minute < now() - interval '{MINUTES_KEPT_DAYS} days'"),
        ("alerts_incident", f"closed_at IS NOT NULL AND created_at < now() - interval '{INCIDENTS_KEPT_DAYS} days'"),
        ("alerts_silence", f"until < now() - interval '{SILENCES_KEPT_DAYS} days'"),
        ("alerts_seen", f"last_minute < now() - interval '{INCIDENTS_KEPT_DAYS} days'"),
        ("alerts_minute", "NOT EXISTS (SELECT FROM alerts_rule WHERE id = rule_id)"),
        ("alerts_seen", "NOT EXISTS (SELECT FROM alerts_rule WHERE id = rule_id)"),
    )
]
#: Of an organisation, in the one order of locks.
TO_HOLD = {"alerts_rule": "id", "alerts_cursor": "organisation_id", "alerts_incident": "id"}
OF_ITS_RULES = [
    f"DELETE FROM {table} WHERE rule_id IN (SELECT id FROM alerts_rule WHERE organisation_id = %s)"  # noqa: S608 - ours
    for table in ("alerts_minute", "alerts_seen")
]
OF_ORGANISATION = ("alerts_silence", "alerts_incident", "alerts_rule", "alerts_cursor")


def sweep() -> None:
    """Delete what is older than it is kept, beside whoever writes."""
    sweeping.sweep(SWEEPS)


@transaction.atomic
def forget_organisation(organisation_id: int) -> int:
    """Delete everything of an organisation's alerts; return how many rows that were."""
    sweeping.hold(organisation_id, TO_HOLD)
    gone = sum(execute(statement, [organisation_id]) for statement in OF_ITS_RULES)
    return gone + sweeping.forget(organisation_id, OF_ORGANISATION)


def count_searches(wanted: Wanted) -> int:
    """Return how many rules hold a value in their search, or in what they are bound to."""
    return len(_rules_with(wanted))


def erase_searches(wanted: Wanted) -> int:
    """Cut a value out of rules, which are paused: what is left would find something else."""
    found = _rules_with(wanted)
    for rule in found:
        for name in TEXTS:
            setattr(rule, name, wanted.cut_from(getattr(rule, name)))
        rule.paused_at, rule.paused_reason = timezone.now(), "A value was erased that it looked for."
        rule.save(update_fields=[*TEXTS, "paused_at", "paused_reason"])
    return len(found)


def count_values(wanted: Wanted) -> int:
    """Return how many incidents, and values that may be missed, are of a value."""
    return len(_incidents_of(wanted)) + len(_seen_of(wanted))


def erase_values(wanted: Wanted) -> int:
    """Cut a value out of incidents, and forget that it is waited for."""
    incidents, seen = _incidents_of(wanted), _seen_of(wanted)
    for pk, value, details in incidents:
        left = f"{wanted.cut_from(value)} {pk}" if wanted.is_in(value) else value  # none is another's twin
        Incident.objects.filter(pk=pk).update(value=left, details=details and _cut(details, wanted))
    for rule_id, value in seen:
        Seen.objects.filter(rule_id=rule_id, value=value).delete()
        Minute.objects.filter(rule_id=rule_id, value=value).delete()
    return len(incidents) + len(seen)


def _rules_with(wanted: Wanted) -> list[Rule]:
    rules = Rule.objects.filter(organisation_id=wanted.organisation_id).order_by("id")
    return [rule for rule in rules if any(wanted.is_in(getattr(rule, name)) for name in TEXTS)]


def _incidents_of(wanted: Wanted) -> list[tuple[int, str, dict[str, Any] | None]]:
    rows = Incident.objects.filter(organisation_id=wanted.organisation_id).exclude(value="").order_by("pk")
    return [
        (pk, value, details)
        for pk, value, details in rows.values_list("pk", "value", "details")
        if any(map(wanted.is_in, (value, *_named_in(details))))
    ]


def _named_in(details: dict[str, Any] | None) -> list[str]:
    return [details[name] for name in NAMED if details.get(name)] if details else []


def _cut(details: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    return details | {name: wanted.cut_from(details[name]) for name in NAMED if details.get(name)}


def _seen_of(wanted: Wanted) -> list[tuple[int, str]]:
    rules = list(Rule.objects.filter(organisation_id=wanted.organisation_id).values_list("pk", flat=True))
    counted = Minute.objects.filter(rule_id__in=rules).exclude(value="").values_list("rule_id", "value").distinct()
    seen = Seen.objects.filter(rule_id__in=rules).exclude(value="").values_list("rule_id", "value")
    return sorted({(rule_id, value) for rule_id, value in (*counted, *seen) if wanted.is_in(value)})
