"""What other limits would have refused over the last 30 days, from the hourly rows.

Bytes are exact to the hour in which a month's quota would have ended. Requests are a lower bound: an hour tells how
many there were, not how they bunched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from quotas import usage
from quotas.models import Plan, Quota
from quotas.usage import ACCEPTED, NOTHING, Usage

DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Limits that are not in force."""

    requests_per_minute: int
    burst: int
    monthly_bytes: int
    retention_days: int


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What a proposal would have refused, and what was refused in fact."""

    refused_requests: int
    refused_bytes: int
    refused_entries: int
    quota_ended_at: datetime | None
    deleted_entries: int
    rate_limited_in_fact: int
    over_quota_in_fact: int

    @property
    def is_harmless(self) -> bool:
        """Nothing that was kept would have been refused or deleted."""
        return not (self.refused_requests or self.refused_bytes or self.deleted_entries)


def proposal_of(quota: Quota) -> Proposal:
    """Return the limits that an unsaved quota means, its overrides being in force."""
    plan = quota.plan
    return Proposal(
        requests_per_minute=quota.requests_per_minute or plan.requests_per_minute,
        burst=quota.requests_per_minute or plan.burst_requests or plan.requests_per_minute,
        monthly_bytes=plan.monthly_bytes if quota.monthly_bytes is None else quota.monthly_bytes,
        retention_days=quota.retention_days or plan.retention_days,
    )


def proposal_of_plan(plan: Plan, quota: Quota) -> Proposal:
    """Return the limits of one organisation on an unsaved plan."""
    quota.plan = plan
    return proposal_of(quota)


def what_if(organisation_id: int, proposal: Proposal, *, now: datetime) -> Consequence:
    """Return what `proposal` would have done to an organisation over the last `DAYS` days."""
    since = (now - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    month = since.replace(day=1, hour=0)
    hours = usage.usage_by(usage.HOUR, organisation_id, since=month)
    recent = [hour for hour in hours if hour.of >= since]
    in_all = usage.in_all(recent)
    bytes_over, entries_over, ended_at = _over_quota(hours, limit=proposal.monthly_bytes, since=since)
    return Consequence(
        refused_requests=sum(_over_rate(hour, proposal) for hour in recent),
        refused_bytes=bytes_over,
        refused_entries=entries_over,
        quota_ended_at=ended_at,
        deleted_entries=_expired(recent, days=proposal.retention_days, now=now),
        rate_limited_in_fact=in_all.outcomes.get("rate_limited", NOTHING).requests,
        over_quota_in_fact=in_all.outcomes.get("quota_exhausted", NOTHING).requests,
    )


def _over_rate(hour: Usage, proposal: Proposal) -> int:
    return max(0, hour.requests - 60 * proposal.requests_per_minute - proposal.burst)


def _over_quota(hours: Iterable[Usage], *, limit: int, since: datetime) -> tuple[int, int, datetime | None]:
    """Return bytes and entries that would not have fitted since `since`, and the first hour of it."""
    used: dict[date, int] = {}
    bytes_over = entries_over = 0
    ended_at = None
    for hour in hours:
        month = hour.of.astimezone(UTC).date().replace(day=1)
        room = max(0, limit - used.get(month, 0))
        accepted = hour.outcomes.get(ACCEPTED, NOTHING)
        kept = min(room, accepted.bytes)
        used[month] = used.get(month, 0) + kept
        if kept < accepted.bytes and hour.of >= since:
            ended_at = ended_at or hour.of
            bytes_over += accepted.bytes - kept
            entries_over += accepted.entries * (accepted.bytes - kept) // accepted.bytes
    return bytes_over, entries_over, ended_at


def _expired(hours: Iterable[Usage], *, days: int, now: datetime) -> int:
    boundary = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return sum(hour.accepted.entries for hour in hours if hour.of < boundary)
