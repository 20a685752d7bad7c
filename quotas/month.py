"""Who has used how much of this month's bytes, and who is near the limit."""

from dataclasses import dataclass

from accounts.fragments import ORGANISATIONS
from foundation.postgres import fetch_all

NEAR_QUOTA_PERCENT = 80

USAGE = f"""
SELECT o.organisation_id, o.name, coalesce(u.used_bytes, 0), l.monthly_bytes,
       100 * coalesce(u.used_bytes, 0) / greatest(l.monthly_bytes, 1) AS percent
  FROM quotas_limits l JOIN ({ORGANISATIONS}) o ON o.organisation_id = l.organisation_id
  LEFT JOIN quotas_monthlyusage u ON u.organisation_id = l.organisation_id
       AND u.period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
"""  # noqa: S608 - constants
IS_NEAR = " WHERE u.used_bytes * 100 >= l.monthly_bytes * %s"
NEAR_QUOTA = USAGE + IS_NEAR + " ORDER BY percent DESC LIMIT %s"
COUNT_NEAR_QUOTA = f"SELECT count(*) FROM ({USAGE}{IS_NEAR}) AS near"  # noqa: S608 - constants
OF_ORGANISATION = USAGE + " WHERE l.organisation_id = %s"


@dataclass(frozen=True, slots=True)
class MonthUsed:
    """What an organisation has used of this month's bytes; the fields stand in the order of `USAGE`."""

    organisation_id: int
    name: str
    used_bytes: int
    limit_bytes: int
    percent: int


def month_used(organisation_id: int) -> MonthUsed | None:
    """Return what one organisation has used of this month's bytes, if it has a plan."""
    return next((MonthUsed(*row) for row in fetch_all(OF_ORGANISATION, [organisation_id])), None)


def near_quota(*, limit: int) -> list[MonthUsed]:
    """Return those who have used `NEAR_QUOTA_PERCENT` or more, the fullest first."""
    return [MonthUsed(*row) for row in fetch_all(NEAR_QUOTA, [NEAR_QUOTA_PERCENT, limit])]


def count_near_quota() -> int:
    """Return how many organisations have used `NEAR_QUOTA_PERCENT` or more."""
    [(count,)] = fetch_all(COUNT_NEAR_QUOTA, [NEAR_QUOTA_PERCENT])
    return int(count)
