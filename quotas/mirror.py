"""Limits as an edge mirrors them: the rates of an organisation's plan as they are in force. Bytes are borrowed."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from foundation.postgres import execute, fetch_all
from quotas.allowance import DAYS_TO_SPEND_A_MONTH
from quotas.models import Plan, Quota

READ = f"""
SELECT organisation_id, requests_per_minute, burst_requests, retention_days, recording_days,
       monthly_bytes / {DAYS_TO_SPEND_A_MONTH}
  FROM quotas_limits WHERE organisation_id = ANY (%s) ORDER BY organisation_id
"""  # noqa: S608 - a constant
FORGET_QUOTAS = "DELETE FROM quotas_quota WHERE NOT organisation_id = ANY (%s)"


class MirroredLimits(Struct, frozen=True, kw_only=True):
    """What of an organisation's plan acts at an edge."""

    organisation_id: int
    requests_per_minute: int
    burst_requests: int
    retention_days: int
    recording_days: int
    daily_bytes: int  # of its public keys that name none


def read(organisation_ids: Collection[int]) -> list[MirroredLimits]:
    """Return the limits of these organisations that are in force now."""
    rows = fetch_all(READ, [list(organisation_ids)])
    return [MirroredLimits(**dict(zip(MirroredLimits.__struct_fields__, row, strict=True))) for row in rows]


def write(limits: Collection[MirroredLimits]) -> None:
    """Make a plan an organisation, of which no byte is the edge's own. In the caller's transaction."""
    execute(FORGET_QUOTAS, [[one.organisation_id for one in limits]])
    plans = [_plan(one) for one in limits]
    changed = ["name", "requests_per_minute", "burst_requests", "monthly_bytes", "retention_days", "recording_days"]
    Plan.objects.bulk_create(plans, update_conflicts=True, unique_fields=["slug"], update_fields=changed)
    ids: Mapping[str, int] = dict(Plan.objects.values_list("slug", "pk"))
    Quota.objects.bulk_create(
        [Quota(organisation_id=one.organisation_id, plan_id=ids[_slug(one)]) for one in limits],
        update_conflicts=True,
        unique_fields=["organisation"],
        update_fields=["plan"],
    )


def _slug(limits: MirroredLimits) -> str:
    return f"edge-{limits.organisation_id}"


def _plan(limits: MirroredLimits) -> Plan:
    return Plan(
        name=_slug(limits),
        slug=_slug(limits),
        monthly_bytes=0,
        requests_per_minute=limits.requests_per_minute,
        burst_requests=limits.burst_requests,
        retention_days=max(1, limits.retention_days),
        recording_days=limits.recording_days,
    )
