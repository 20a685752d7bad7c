"""The answer of one panel, by its kind, as JSON for the page."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any

import msgspec
from django.urls import reverse
from msgspec import Raw

from accounts.models import Organisation
from explore import aggregates, search
from explore.aggregates import Asked as Question
from explore.dashboards.asked import Asked
from explore.dashboards.document import Panel
from explore.shape import as_text
from explore.steps import READABLE
from foundation.refusals import Refusal
from issues import glances, listing
from issues.listing import Summary, Wanted
from quotas import ledger

#: A panel is as wide as this many bars at most.
MOST_STEPS, STEPS_OF_SPARK = 60, 30
BEFORE = {"day": timedelta(days=1), "week": timedelta(weeks=1)}
MOST_ENTRIES_BYTES = 256 * 1024
#: Lists of groups are of one project and one environment each.
MOST_LISTS = 6


def answer(panel: Panel, asked: Asked, organisation: Organisation) -> bytes:
    """Return the panel's answer. Raises: `Refusal`."""
    members = {
        "kind": panel.kind,
        "from": as_text(asked.start),
        "to": as_text(asked.end),
        "query": asked.narrowed(panel.query),
        "computed_at": as_text(datetime.now(UTC)),
        **ANSWERS[panel.kind](panel, asked, organisation),
    }
    return msgspec.json.encode(members)


def step_seconds(asked: Asked, *, most: int = MOST_STEPS) -> int:
    """Return the step in which a range is drawn: one that people read, and no more than `most` of them."""
    ideal = (asked.end - asked.start).total_seconds() / most
    return next((step for step in READABLE if step >= ideal), -(-int(ideal) // 86400) * 86400)


def _series(panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    return _figures(panel.asked(step_seconds=step_seconds(asked)), panel, asked, organisation)


def _ranked(panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    return _figures(panel.asked(), panel, asked, organisation)


def _stat(panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    """One number, its course, and what it was a day or a week before: `by` would make several of it."""
    plain = msgspec.structs.replace(panel, by=())
    found = _figures(plain.asked(step_seconds=step_seconds(asked, most=STEPS_OF_SPARK)), panel, asked, organisation)
    if before := BEFORE.get(panel.compare):
        then = aggregates.answer(asked.search(organisation.pk, panel.query, before=before), plain.asked())
        found["before"] = Raw(then)
    return found


def _figures(question: Question, panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    return {"figures": Raw(aggregates.answer(asked.search(organisation.pk, panel.query), question))}


def _entries(panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    page = search.find(asked.search(organisation.pk, panel.query), limit=panel.limit, most_bytes=MOST_ENTRIES_BYTES)
    return {"logs": [_entry(entry) for entry in page.entries]}


def _entry(entry: search.FoundEntry) -> dict[str, Any]:
    """Return what a line of a panel shows, and no more: an entry may be as long as it likes."""
    return {
        "id": str(entry.id),
        "timestamp": as_text(entry.timestamp),
        "level": entry.level.label,
        "project": entry.project,
        "environment": entry.environment,
        "message": entry.message[:500],
    }


def _errors(panel: Panel, asked: Asked, organisation: Organisation) -> dict[str, Any]:
    """Return the groups with most events of those that were seen in the range."""
    chosen = dict(asked.chosen)
    lists = list(islice(product(*(chosen.get(name, (None,)) for name in ("project", "environment"))), MOST_LISTS + 1))
    if len(lists) > MOST_LISTS:
        raise Refusal("invalid_parameter", "Choose fewer projects or environments for lists of errors.")
    found: dict[int, Summary] = {}
    for project, environment in lists:
        wanted = Wanted(project=project, environment=environment, since=asked.start, sort="events")
        found |= {group.id: group for group in listing.groups(organisation.pk, wanted, limit=panel.limit).groups}
    groups = sorted(found.values(), key=lambda group: (-group.events, group.number))[: panel.limit]
    seen = glances.glances(organisation.pk, [group.id for group in groups], now=asked.end)
    return {"groups": [_group(group, seen[group.id].hours, organisation) for group in groups]}


def _group(group: Summary, hours: list[int], organisation: Organisation) -> dict[str, Any]:
    return {
        "number": group.number,
        "title": group.title,
        "culprit": group.culprit,
        "project": group.project,
        "level": group.level.label,
        "is_new": group.is_new,
        "is_regressed": group.is_regressed,
        "events": group.events,
        "hours": hours,
        "last": as_text(group.last_received_at),
        "url": f"{reverse('admin:error_group', args=[group.number])}?organisation={organisation.slug}",
    }


def _quota(_panel: Panel, _asked: Asked, organisation: Organisation) -> dict[str, Any]:
    """Return what of the month is used; an organisation without a plan has nothing to use."""
    try:
        month = ledger.balance(organisation.pk)
    except LookupError as error:
        raise Refusal("not_found", "This organisation has no plan yet, and so no quota.") from error
    return {
        "used_bytes": month.used_bytes,
        "lent_bytes": month.lent_bytes,
        "limit_bytes": month.limit_bytes,
        "entries": month.entries,
        "began_at": as_text(month.began_at),
        "ends_at": as_text(month.ends_at),
    }


def _nothing(_panel: Panel, _asked: Asked, _organisation: Organisation) -> dict[str, Any]:
    return {}


ANSWERS: Mapping[str, Callable[[Panel, Asked, Organisation], dict[str, Any]]] = {
    "series": _series,
    "stat": _stat,
    "top": _ranked,
    "table": _ranked,
    "entries": _entries,
    "errors": _errors,
    "quota": _quota,
    "text": _nothing,
}
