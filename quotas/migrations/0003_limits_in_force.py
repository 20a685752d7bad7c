"""The limits in force as a view, one truth for every reader; and no organisation without a plan."""

from django.db import migrations

LIMITS = """
CREATE VIEW quotas_limits AS
SELECT quota.organisation_id,
       plan.slug AS plan,
       coalesce(CASE WHEN in_force THEN quota.requests_per_minute END, plan.requests_per_minute)
           AS requests_per_minute,
       coalesce(CASE WHEN in_force THEN quota.requests_per_minute END, plan.burst_requests, plan.requests_per_minute)
           AS burst_requests,
       coalesce(CASE WHEN in_force THEN quota.monthly_bytes END, plan.monthly_bytes) AS monthly_bytes,
       coalesce(CASE WHEN in_force THEN quota.retention_days END, plan.retention_days) AS retention_days
  FROM quotas_quota AS quota
  JOIN quotas_plan AS plan ON plan.id = quota.plan_id
 CROSS JOIN LATERAL (
       SELECT now() >= coalesce(quota.overrides_from, '-infinity')
          AND now() < coalesce(quota.overrides_until, 'infinity') AS in_force
       ) AS overrides;
"""

# Deferred: whoever makes an organisation may choose its plan in the same transaction.
FIRST_PLAN = """
CREATE FUNCTION quotas_subscribe_to_first_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quotas_quota (organisation_id, plan_id)
    SELECT organisation.id, plan.id
      FROM accounts_organisation AS organisation, quotas_plan AS plan
     WHERE organisation.id = NEW.id
     ORDER BY plan.monthly_bytes, plan.id LIMIT 1
        ON CONFLICT (organisation_id) DO NOTHING;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER organisation_has_a_plan AFTER INSERT ON accounts_organisation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION quotas_subscribe_to_first_plan();

INSERT INTO quotas_quota (organisation_id, plan_id)
SELECT organisation.id, (SELECT id FROM quotas_plan ORDER BY monthly_bytes, id LIMIT 1)
  FROM accounts_organisation AS organisation
    ON CONFLICT (organisation_id) DO NOTHING;
"""
UNDO_FIRST_PLAN = """
DROP TRIGGER organisation_has_a_plan ON accounts_organisation;
DROP FUNCTION quotas_subscribe_to_first_plan();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0002_plans_and_hot_rows"),
        ("accounts", "0002_key_stays_in_its_organisation"),
    ]
    operations = [
        migrations.RunSQL(LIMITS, "DROP VIEW quotas_limits"),
        migrations.RunSQL(FIRST_PLAN, UNDO_FIRST_PLAN),
    ]
