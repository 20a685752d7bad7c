"""Which notices the usage rows call for; giving and sending them is `notify`'s."""

from foundation.postgres import fetch_all
from notify.notices import Due, give

#: A batch is taken whole or not at all, so a month may be used up a few bytes short of its limit.
DUE = """
WITH month AS (SELECT date_trunc('month', now(), 'UTC') AS began, date_trunc('day', now(), 'UTC') AS today)
SELECT limits.organisation_id, 'quota_80', (month.began AT TIME ZONE 'UTC')::date
  FROM month CROSS JOIN quotas_limits AS limits
  JOIN quotas_monthlyusage AS usage USING (organisation_id)
 WHERE usage.period = (month.began AT TIME ZONE 'UTC')::date
   AND limits.monthly_bytes > 0 AND usage.used_bytes >= 0.8 * limits.monthly_bytes
 UNION ALL
SELECT DISTINCT hourly.organisation_id, 'quota_100', (month.began AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.began
 WHERE hourly.outcome = 'quota_exhausted'
 UNION ALL
SELECT DISTINCT hourly.organisation_id, 'refused', (month.today AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
 WHERE hourly.outcome IN ('quota_exhausted', 'rate_limited')
"""


def raise_due() -> int:
    """Raise the notices that are due, each once a period; return how many were new."""
    return give([Due(*row) for row in fetch_all(DUE)])
