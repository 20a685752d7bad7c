"""The rule that every organisation begins with: a project that sent in every hour of a week, and stops, is missed."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organisation
from alerts.models import Round, Rule, Seen
from foundation.levels import Level
from foundation.postgres import execute
from storage import minutes

NAME = "A project has stopped sending"
WINDOW_MINUTES = 60
WEEK = timedelta(days=7)
HOURS_OF_WEEK = 7 * 24
EVERY = timedelta(hours=1)

MAKE = """
INSERT INTO alerts_rule (organisation_id, rule_name, kind, severity, count_threshold, time_window_minutes, group_by,
                         is_active, is_built_in, salt, settled_until)
SELECT owner, %s, 'absence', %s, 1, %s, 'project', true, true, gen_random_uuid(), now()
  FROM unnest(%s::bigint[]) AS asked(owner)
    ON CONFLICT DO NOTHING
"""


def make(now: datetime) -> None:
    """Make the rule for organisations that have none, and see which projects it may miss: once an hour."""
    with transaction.atomic():
        held = Round.objects.select_for_update().get(pk=1)
        if held.built_in_at and now - held.built_in_at < EVERY:
            return
        Round.objects.filter(pk=1).update(built_in_at=now)
        owners = minutes.organisations_since(now - EVERY)
        known = set(
            Rule.objects.filter(is_built_in=True, organisation_id__in=owners).values_list("organisation_id", flat=True)
        )
        there = Organisation.objects.filter(pk__in=owners, status="active").values_list("pk", flat=True)
        new = sorted(set(there) - known)
        if new:
            execute(MAKE, [NAME, Level.DEBUG.value, WINDOW_MINUTES, new])
        for rule in Rule.objects.filter(is_built_in=True, is_active=True, organisation_id__in=owners):
            note_steady(rule, now)


def note_steady(rule: Rule, now: datetime) -> None:
    """Note which of a rule's values came in every hour of the week until now; those that are silent stay so."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = minutes.hours_with_entries(rule.organisation_id, by=rule.group_by, since=this_hour - WEEK, until=this_hour)
    lately = Seen.objects.filter(rule_id=rule.pk, last_minute__gte=now - EVERY)
    steady = [value for value, found in hours.items() if found >= HOURS_OF_WEEK]
    lately.filter(value__in=steady).update(is_steady=True)
    lately.exclude(value__in=steady).update(is_steady=False)
