"""What the usage page of an organisation shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from accounts.models import ApiKey, Organisation
from quotas import ledger, usage
from quotas.ledger import Balance
from quotas.models import LimitsInForce
from quotas.usage import ACCEPTED, Usage

RANGES = {"1": "Day", "7": "Week", "30": "30 days"}
HOUR = timedelta(hours=1)
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
    """A row of a table."""

    name: str
    usage: Usage
    share_percent: int


@dataclass(frozen=True, kw_only=True)
class UsagePage:
    """An organisation's month and its last days."""

    organisation: Organisation
    limits: LimitsInForce
    month: Balance
    used_percent: int
    ends_on: date | None
    days: int
    in_all: Usage
    keys: list[Line]
    outcomes: list[tuple[str, int, int, bool]]
    chart: dict[str, Any]


def usage_page(organisation: Organisation, *, days: int, now: datetime) -> UsagePage:
    """Gather the page of an organisation with charts over the last `days` days."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = this_hour - timedelta(days=days) + HOUR
    hours = usage.usage_by(usage.HOUR, organisation.pk, since=since)
    recent_days = usage.usage_by(usage.DAY, organisation.pk, since=this_hour - timedelta(days=usage.FORECAST_DAYS))
    month, in_all = ledger.balance(organisation.pk), usage.in_all(hours)
    return UsagePage(
        organisation=organisation,
        limits=organisation.limits,
        month=month,
        used_percent=percent(month.used_bytes, month.limit_bytes),
        ends_on=usage.quota_ends_on(month, recent_days, now=now),
        days=days,
        in_all=in_all,
        keys=_keys(organisation, usage.usage_by(usage.API_KEY, organisation.pk, since=since), in_all=in_all),
        outcomes=[
            (name, amount.requests, amount.entries, usage.is_refusal(name))
            for name, amount in sorted(in_all.outcomes.items())
        ],
        chart=_chart(hours, since=since, until=this_hour),
    )


def percent(part: int, whole: int) -> int:
    """Return `part` of `whole` in percent, rounded down; all of nothing is 100."""
    return 100 * part // whole if whole else 100


def _keys(organisation: Organisation, usages: Sequence[Usage], *, in_all: Usage) -> list[Line]:
    keys = ApiKey.objects.filter(organisation=organisation).in_bulk([one.of for one in usages])
    lines = [
        Line(
            name=str(keys.get(one.of, "deleted key")),
            usage=one,
            share_percent=percent(one.accepted.bytes, in_all.accepted.bytes or 1),
        )
        for one in usages
    ]
    return sorted(lines, key=lambda line: -line.usage.accepted.bytes)


def _chart(hours: Sequence[Usage], *, since: datetime, until: datetime) -> dict[str, Any]:
    """Return columns for uPlot: every hour has a value, idle ones 0."""
    by_hour = {int(one.of.timestamp()): one for one in hours}
    times = list(range(int(since.timestamp()), int(until.timestamp()) + 1, int(HOUR.total_seconds())))
    nothing = Usage(of=None)
    columns = [by_hour.get(at, nothing) for at in times]
    requests = [_requests(one) for one in columns]
    return {
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
