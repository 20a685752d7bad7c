"""For how long recordings of errors outlive a plan's retention. A view may get columns at its end while it is used."""

from django.core.validators import MaxValueValidator
from django.db import migrations, models

LIMITS = """
CREATE OR REPLACE VIEW quotas_limits AS
SELECT quota.organisation_id,
       plan.slug AS plan,
       coalesce(CASE WHEN in_force THEN quota.requests_per_minute END, plan.requests_per_minute)
           AS requests_per_minute,
       coalesce(CASE WHEN in_force THEN quota.requests_per_minute END, plan.burst_requests, plan.requests_per_minute)
           AS burst_requests,
       coalesce(CASE WHEN in_force THEN quota.monthly_bytes END, plan.monthly_bytes) AS monthly_bytes,
       coalesce(CASE WHEN in_force THEN quota.retention_days END, plan.retention_days) AS retention_days,
       plan.recording_days
  FROM quotas_quota AS quota
  JOIN quotas_plan AS plan ON plan.id = quota.plan_id
 CROSS JOIN LATERAL (
       SELECT now() >= coalesce(quota.overrides_from, '-infinity')
          AND now() < coalesce(quota.overrides_until, 'infinity') AS in_force
       ) AS overrides;
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0003_daily_usage")]
    operations = [
        migrations.AddField(
            "plan",
            "recording_days",
            models.PositiveIntegerField(
                db_default=30,
                default=30,
                help_text="What was around a new or regressed error is kept for so long after retention. 0: not recorded.",
                validators=[MaxValueValidator(3650)],
            ),
        ),
        migrations.RunSQL(LIMITS, migrations.RunSQL.noop),
    ]
