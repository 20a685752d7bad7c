"""Tell of what drifts: a field has another type, or is missing; each once, in the transaction that hands it over."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from django.db import DatabaseError, transaction

from alerts import drifted, messages
from alerts.incidents import Telling, make, word
from alerts.models import Incident, Rule
from alerts.terms import Kind
from foundation.refusals import Refusal
from issues.sightings import release_of
from storage.fields import drifts, learning
from storage.fields.drifts import Drifted
from storage.store import store

log = structlog.get_logger(__name__)

#: Of a transaction.
DRIFTS_AT_ONCE = 200


def learn_and_tell(telling: Telling) -> int:
    """Learn from what was stored, and tell of what has drifted since; return how many drifts that were."""
    learning.learn()
    told = 0
    while some := _tell_some(telling):
        told += some
    return told


def concerns(rule: Rule, one: Drifted) -> bool:
    """Tell whether a drift is in the project and environment that a rule names."""
    return rule.project in ("", one.project) and rule.environment in ("", one.environment)


def _tell_some(telling: Telling) -> int:
    with transaction.atomic():
        found = drifts.take(DRIFTS_AT_ONCE)
        for owner, of_owner in groupby(sorted(found), key=attrgetter("organisation_id")):
            _tell(owner, list(of_owner), telling)
        drifts.end([one.id for one in found])
        return len(found)


def _tell(owner: int, found: Sequence[Drifted], telling: Telling) -> None:
    asked = Rule.objects.filter(organisation_id=owner, is_active=True, paused_at=None, kind=Kind.DRIFT)
    rules = list(asked.select_related("organisation").order_by("id"))
    told = [(rule, one) for rule in rules for one in found if concerns(rule, one)]
    details = {one.id: drifted.details_of(one, release=_release(one)) for one in {one for _, one in told}}
    for rule, one in told:
        _tell_one(rule, one, details[one.id], telling)


def _tell_one(rule: Rule, one: Drifted, details: dict[str, Any], telling: Telling) -> None:
    incident = make(
        rule, value=drifted.value_of(one), opened=one.at, last_over=one.at, closed=one.at, peak=1, late=False,
        details=details,
    )  # fmt: skip
    if incident is None:
        return
    what = word(rule, incident, telling)
    if what in (Incident.Told.TOLD, Incident.Told.SILENCED):
        is_silenced = what == Incident.Told.SILENCED
        messages.put_drift(rule, incident, telling.channels, round_name=telling.round_name, is_silenced=is_silenced)
    elif what == Incident.Told.FLAPPING:
        messages.put_flapping(rule, incident, telling.channels, round_name=telling.round_name)


def _release(one: Drifted) -> str:
    """Return the release of the first entry, if that is still there; without it people are told all the same."""
    try:
        entry = store().reader.entry(one.organisation_id, one.entry_id)
        return release_of(one.organisation_id, entry) if entry else ""
    except (Refusal, DatabaseError) as error:
        log.warning("release_of_drift_unknown", error=type(error).__name__)
        return ""
