-- Which notices the usage calls for now, given already or not: organisation, kind, first day of the period (UTC).
WITH
-- When this month and this day began.
month AS (
    SELECT date_trunc('month', now(), 'UTC') AS began, date_trunc('day', now(), 'UTC') AS today
)
-- Four fifths of the month's bytes are used.
SELECT limits.organisation_id, 'quota_80', (month.began AT TIME ZONE 'UTC')::date
  FROM month CROSS JOIN quotas_limits AS limits
  JOIN quotas_monthlyusage AS usage USING (organisation_id)
 WHERE usage.period = (month.began AT TIME ZONE 'UTC')::date
   AND limits.monthly_bytes > 0 AND usage.used_bytes >= 0.8 * limits.monthly_bytes
 UNION ALL
-- A batch was refused for them this month. A batch is taken whole or not at all: some bytes may be left.
SELECT DISTINCT hourly.organisation_id, 'quota_100', (month.began AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.began
 WHERE hourly.outcome = 'quota_exhausted'
 UNION ALL
-- Requests were answered with 429 today.
SELECT DISTINCT hourly.organisation_id, 'refused', (month.today AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
 WHERE hourly.outcome IN ('quota_exhausted', 'rate_limited')
 UNION ALL
-- A public key has sent what it may a day. Of the same kind; the index hourly_usage_of_refusals leaves out these three.
SELECT DISTINCT hourly.organisation_id, 'refused', (month.today AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
 WHERE hourly.outcome = 'allowance_exhausted' AND hourly.outcome NOT IN ('accepted', 'deduplicated', 'below_level')
 UNION ALL
-- Entries of agents were cut today: see `cut.` in quotas.tally. The same index.
SELECT DISTINCT hourly.organisation_id, 'cut', (month.today AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
 WHERE hourly.outcome LIKE 'cut.%' AND hourly.outcome NOT IN ('accepted', 'deduplicated', 'below_level')
 UNION ALL
-- Entries could not be scrubbed today. The index hourly_usage_of_refusals leaves out these three.
SELECT DISTINCT hourly.organisation_id, 'withheld', (month.today AT TIME ZONE 'UTC')::date
  FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
 WHERE hourly.outcome = 'withheld' AND hourly.outcome NOT IN ('accepted', 'deduplicated', 'below_level')
