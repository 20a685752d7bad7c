"""Incidents as rows: opened once, whatever happens twice, with the message of each step in the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone
from msgspec import json

from alerts import messages, metrics
from alerts.asking import minute_of, moment_of
from alerts.messages import Channels
from alerts.models import Incident, Rule, Silence
from alerts.telling import Past, Place, Quiet, place_of, told
from alerts.terms import OF_TURNS, Closed, Extended, Opened, Spell, Transition
from foundation.faults import reach
from foundation.postgres import execute, fetch_all

#: Of a rule at a time; what is beyond is said by those that are open.
MOST_OPEN = 200
#: Incidents before one that say whether it flaps.
MOST_PAST = 10
#: Whether there is room for one more is asked in the statement that makes it.
OPEN = """
INSERT INTO alerts_incident (organisation_id, rule_id, value, opened_at, last_over_at, closed_at, peak, is_late,
                             details)
SELECT %(organisation_id)s, %(rule_id)s, %(value)s, %(opened_at)s, %(last_over_at)s, %(closed_at)s, %(peak)s,
       %(is_late)s, %(details)s::jsonb
 WHERE (SELECT count(*) FROM alerts_incident WHERE rule_id = %(rule_id)s AND closed_at IS NULL) < %(most)s
    ON CONFLICT DO NOTHING RETURNING id
"""


#: Of incidents that are open still: many go on at once, and nobody is told.
EXTEND = """
UPDATE alerts_incident AS incident SET opened_at = found.opened_at, last_over_at = found.last_over_at, peak = found.peak
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::bigint[])
       AS found(id, opened_at, last_over_at, peak)
 WHERE incident.id = found.id AND incident.closed_at IS NULL
"""


class Quiets:
    """The silences in force, of organisations, each asked for once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._known: dict[int, list[Quiet]] = {}

    def of(self, organisation_id: int) -> list[Quiet]:
        """Return an organisation's."""
        if organisation_id not in self._known:
            rows = Silence.objects.filter(organisation_id=organisation_id, until__gt=self._now)
            self._known[organisation_id] = [
                Quiet(rule_id=row.rule_id, project=row.project, environment=row.environment, group=row.group)
                for row in rows
            ]
        return self._known[organisation_id]


class Telling:
    """What a round needs to tell people: its name, by which messages of one round become one, and what it knows."""

    def __init__(self, now: datetime) -> None:
        self.round_name = f"alerts {now:%Y%m%dT%H%M%S.%f}"
        self.channels, self.quiets, self.now = Channels(), Quiets(now), now


def spells_of(rules: Sequence[Rule]) -> dict[int, list[Spell]]:
    """Return the incidents of rules that are open, or ended no earlier than what is looked at again."""
    since = min((rule.settled_until for rule in rules), default=timezone.now()) - timedelta(minutes=5)
    spells: dict[int, list[Spell]] = {}
    for row in Incident.objects.filter(rule__in=[rule.pk for rule in rules]).filter(
        Q(closed_at=None) | Q(closed_at__gte=since)
    ):
        spells.setdefault(row.rule_id, []).append(
            Spell(
                value=row.value,
                opened=minute_of(row.opened_at),
                last_over=minute_of(row.last_over_at),
                closed=minute_of(row.closed_at) if row.closed_at else None,
                peak=row.peak,
                id=row.pk,
            )
        )
    return spells


def apply_all(of_rules: Iterable[tuple[Rule, Iterable[Transition]]], telling: Telling) -> None:
    """Write what happened to incidents of rules, and tell of it. In the caller's transaction, which holds the rules."""
    extended: list[Spell] = []
    for rule, transitions in of_rules:
        _apply(rule, transitions, telling, extended)
    if extended:
        rows = [(_id(one), moment_of(one.opened), moment_of(one.last_over), one.peak) for one in extended]
        execute(EXTEND, [list(column) for column in zip(*sorted(rows), strict=True)])
        reach("before_alerts_commit")


def _apply(rule: Rule, transitions: Iterable[Transition], telling: Telling, extended: list[Spell]) -> None:
    """Write what begins and ends; what goes on is left to whoever writes all of that at once."""
    for one in transitions:
        match one:
            case Opened(spell):
                _open(rule, spell, telling)
            case Extended(spell):
                extended.append(spell)
            case Closed(spell):
                _close(rule, spell, telling)
        reach("before_alerts_commit")


def make(
    rule: Rule,
    *,
    value: str,
    opened: datetime,
    last_over: datetime,
    closed: datetime | None,
    peak: int,
    late: bool,
    details: Mapping[str, Any] | None = None,
) -> Incident | None:
    """Make an incident; None if there is one already, or are too many."""
    row = {
        "organisation_id": rule.organisation_id, "rule_id": rule.pk, "value": value, "opened_at": opened,
        "last_over_at": last_over, "closed_at": closed, "peak": peak, "is_late": late, "most": MOST_OPEN,
        "details": details and json.encode(details).decode(),
    }  # fmt: skip
    made = fetch_all(OPEN, row)
    if not made:
        return None
    metrics.OPENED.inc()
    reach("after_incident")
    return Incident(
        id=made[0][0], organisation_id=rule.organisation_id, rule=rule, value=value, opened_at=opened,
        last_over_at=last_over, closed_at=closed, peak=peak, is_late=late,
        details=details,
    )  # fmt: skip


def word(rule: Rule, incident: Incident, telling: Telling) -> str:
    """Decide what becomes of a new incident's message, and note it."""
    past = Incident.objects.filter(rule=rule, value=incident.value).exclude(pk=incident.pk)
    earlier = [
        Past(
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            told=row.told,
            has_stopped_flapping=row.flaps_ended_at is not None,
        )
        for row in past.order_by("-opened_at")[:MOST_PAST]
    ]
    incident.told = told(
        place(rule, incident),
        earlier,
        telling.quiets.of(rule.organisation_id),
        opened_at=incident.opened_at,
        cooldown=timedelta(minutes=rule.cooldown_minutes),
    )
    Incident.objects.filter(pk=incident.pk).update(told=incident.told)
    return incident.told


def place(rule: Rule, incident: Incident) -> Place:
    """Return an incident's place, for silences; a drift has one of its own."""
    by = "group" if rule.kind in OF_TURNS else rule.group_by
    found = place_of(
        rule_id=rule.pk, project=rule.project, environment=rule.environment, group_by=by, value=incident.value
    )
    own = incident.details or {}
    return replace(found, **{name: own[name] for name in ("project", "environment") if own.get(name)})


def tell_unsilenced(telling: Telling) -> None:
    """Tell of incidents that are open still, and that nobody silences any more. In the caller's transaction."""
    silenced = Incident.objects.filter(closed_at=None, told=Incident.Told.SILENCED)
    for incident in silenced.select_for_update(of=("self",), skip_locked=True).select_related("rule__organisation"):
        rule = incident.rule
        here = place(rule, incident)
        if not any(one.covers(here) for one in telling.quiets.of(rule.organisation_id)):
            Incident.objects.filter(pk=incident.pk).update(told=Incident.Told.TOLD)
            messages.put_opened(rule, incident, telling.channels, round_name=telling.round_name, again=True)


def end_flapping(telling: Telling) -> None:
    """Tell of what flapped and was quiet for an hour. In the caller's transaction."""
    flapping = [Incident.Told.FLAPPING, Incident.Told.FLAPS_ON]
    quiet = Incident.objects.filter(
        told__in=flapping, flaps_ended_at=None, closed_at__lte=telling.now - timedelta(hours=1)
    )
    for incident in quiet.select_for_update(of=("self",), skip_locked=True).select_related("rule__organisation"):
        Incident.objects.filter(pk=incident.pk).update(flaps_ended_at=telling.now)
        later = Incident.objects.filter(rule=incident.rule, value=incident.value, opened_at__gt=incident.opened_at)
        if not later.exists():
            messages.put_quiet_again(incident.rule, incident, telling.channels, round_name=telling.round_name)


def end_all(rule: Rule, *, because: str, now: datetime) -> None:
    """Close a rule's incidents, and tell nobody: somebody has changed the rule, or switched it off."""
    Incident.objects.filter(rule=rule, closed_at=None).update(
        closed_at=Greatest("opened_at", Value(now)), ended_by=because
    )


def _open(rule: Rule, spell: Spell, telling: Telling) -> None:
    incident = make(
        rule,
        value=spell.value,
        opened=moment_of(spell.opened),
        last_over=moment_of(spell.last_over),
        closed=moment_of(spell.closed) if spell.closed is not None else None,
        peak=spell.peak,
        late=spell.closed is not None,
    )
    if incident is None:
        return
    match word(rule, incident, telling):
        case "told":
            messages.put_opened(rule, incident, telling.channels, round_name=telling.round_name)
        case "silenced":
            messages.put_opened(rule, incident, telling.channels, round_name=telling.round_name, is_silenced=True)
        case "flapping":
            messages.put_flapping(rule, incident, telling.channels, round_name=telling.round_name)


def _close(rule: Rule, spell: Spell, telling: Telling) -> None:
    assert spell.closed is not None
    changed = Incident.objects.filter(pk=_id(spell), closed_at=None).update(
        opened_at=moment_of(spell.opened),
        last_over_at=moment_of(spell.last_over),
        closed_at=moment_of(spell.closed),
        peak=spell.peak,
    )
    if not changed:
        return
    metrics.CLOSED.inc()
    incident = Incident.objects.get(pk=_id(spell))
    if incident.told == Incident.Told.TOLD:
        messages.put_closed(rule, incident, telling.channels, round_name=telling.round_name)


def _id(spell: Spell) -> int:
    assert spell.id is not None, "an incident that is not kept is neither extended nor closed"
    return spell.id
