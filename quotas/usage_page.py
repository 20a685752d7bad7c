"""What the usage page of an organisation shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import ApiKey, Organisation
from quotas import ledger, usage
from quotas.ledger import Balance
from quotas.models import LimitsInForce
from quotas.usage import ACCEPTED, Usage

RANGES = {"1": "Day", "7": "Week", "30": "30 days"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Series of the request chart, least grave first; every other code of an error is "rejected".
GROUPS = {
    ACCEPTED: "Accepted",
    "deduplicated": "Repeated",
    "rate_limited": "Rate limited",
    "quota_exhausted": "Over quota",
}
REJECTED = "Rejected"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of a table: a key, or a project with `of_key` None."""

    name: str
    usage: Usage
    share_percent: int
    of_key: int | None = None


@dataclass(frozen=True, kw_only=True)
class UsagePage:
    """An organisation's month and its last days."""

    organisation: Organisation
    limits: LimitsInForce
    month: Balance
    used_percent: int
    ends_on: date | None
    days: int
    since: datetime
    is_young: bool
    in_all: Usage
    keys: list[Line]
    projects: list[Line]
    outcomes: list[tuple[str, int, int, bool]]
    chart: dict[str, Any]


def usage_page(organisation: Organisation, *, days: int, now: datetime) -> UsagePage:
    """Gather the page of an organisation: charts go back `days` days, or to its making, but for a day at least."""
    this_hour = _hour(now)
    whole = this_hour - days * DAY + HOUR
    hours = usage.usage_by(usage.HOUR, organisation.pk, since=whole)
    began = min([_hour(organisation.created_at), *(one.of for one in hours[:1])])
    since = max(whole, min(began, this_hour - DAY + HOUR))
    recent_days = usage.usage_by(usage.DAY, organisation.pk, since=this_hour - timedelta(days=usage.FORECAST_DAYS))
    month, in_all = ledger.balance(organisation.pk), usage.in_all(hours)
    keys = _keys(organisation, usage.usage_by(usage.API_KEY, organisation.pk, since=since))
    return UsagePage(
        organisation=organisation,
        limits=organisation.limits,
        month=month,
        used_percent=percent(month.used_bytes, month.limit_bytes),
        ends_on=usage.quota_ends_on(month, recent_days, now=now),
        days=days,
        since=since,
        is_young=since > whole,
        in_all=in_all,
        keys=_lines([(str(key or "deleted key"), one, one.of if key else None) for key, one in keys], in_all=in_all),
        projects=_lines(_by_project(keys), in_all=in_all),
        outcomes=[
            (name, amount.requests, amount.entries, usage.is_refusal(name))
            for name, amount in sorted(in_all.outcomes.items())
        ],
        chart=_chart(hours, since=since, until=this_hour),
    )


def percent(part: int, whole: int) -> int:
    """Return `part` of `whole` in percent, rounded down; all of nothing is 100."""
    return 100 * part // whole if whole else 100


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _keys(organisation: Organisation, usages: Sequence[Usage]) -> list[tuple[ApiKey | None, Usage]]:
    """Return each usage with its key; None for one that is gone."""
    rows = ApiKey.objects.filter(organisation=organisation).select_related("project")
    keys = rows.in_bulk([one.of for one in usages])
    return [(keys.get(one.of), one) for one in usages]


def _by_project(keys: Sequence[tuple[ApiKey | None, Usage]]) -> list[tuple[str, Usage, None]]:
    """Sum up the keys of each project; requests are counted by key, whatever project their entries name."""
    usages: dict[str, list[Usage]] = {}
    for key, one in keys:
        usages.setdefault(key.project.name if key else "deleted keys", []).append(one)
    return [(name, usage.in_all(ones), None) for name, ones in usages.items()]


def _lines(named: Sequence[tuple[str, Usage, int | None]], *, in_all: Usage) -> list[Line]:
    """Return rows of a table, what was kept of the most first."""
    lines = [
        Line(name=name, usage=one, share_percent=percent(one.accepted.bytes, in_all.accepted.bytes or 1), of_key=of_key)
        for name, one, of_key in named
    ]
    return sorted(lines, key=lambda line: (-line.usage.accepted.bytes, -line.usage.requests))


def _chart(hours: Sequence[Usage], *, since: datetime, until: datetime) -> dict[str, Any]:
    """Return columns for uPlot: every hour has a value, idle ones 0."""
    by_hour = {int(one.of.timestamp()): one for one in hours}
    times = list(range(int(since.timestamp()), int(until.timestamp()) + 1, int(HOUR.total_seconds())))
    nothing = Usage(of=None)
    columns = [by_hour.get(at, nothing) for at in times]
    requests = [_requests(one) for one in columns]
    return {
        "zone": timezone.get_current_timezone_name(),
        "times": times,
        "bytes": [one.accepted.bytes for one in columns],
        "entries": [one.accepted.entries for one in columns],
        "requests": {name: [one.get(name, 0) for one in requests] for name in [*GROUPS.values(), REJECTED]},
    }


def _requests(one: Usage) -> dict[str, int]:
    groups: dict[str, int] = {}
    for outcome, amount in one.outcomes.items():
        if not usage.is_of_entries(outcome):
            name = GROUPS.get(outcome, REJECTED)
            groups[name] = groups.get(name, 0) + amount.requests
    return groups
