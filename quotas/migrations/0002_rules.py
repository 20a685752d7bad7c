"""The published plans; the limits in force as a view, one truth for every reader; no organisation without a plan."""

from django.db import migrations

GIB = 2**30
PLANS = [
    # name, requests a minute, bytes a month, days kept
    ("Indie", 60, 1 * GIB, 7),
    ("Bootstrapper", 300, 10 * GIB, 14),
    ("Compliance", 600, 50 * GIB, 90),
    ("Scale", 1800, 250 * GIB, 30),
]


def make_plans(apps, schema_editor):
    plan_model = apps.get_model("quotas", "Plan")
    for name, requests_per_minute, monthly_bytes, retention_days in PLANS:
        plan_model.objects.get_or_create(
            slug=name.lower(),
            defaults={
                "name": name,
                "requests_per_minute": requests_per_minute,
                "monthly_bytes": monthly_bytes,
                "retention_days": retention_days,
            },
        )


#: Room on the page for the row that every accepted batch updates.
HOT_ROWS = "ALTER TABLE quotas_monthlyusage SET (fillfactor = 50)"
UNDO_HOT_ROWS = "ALTER TABLE quotas_monthlyusage RESET (fillfactor)"
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
"""
UNDO_FIRST_PLAN = """
DROP TRIGGER organisation_has_a_plan ON accounts_organisation;
DROP FUNCTION quotas_subscribe_to_first_plan();
"""


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("quotas", "0002_plans_and_hot_rows"),
        ("quotas", "0003_limits_in_force"),
    ]
    dependencies = [("quotas", "0001_tables"), ("accounts", "0002_rules")]
    operations = [
        migrations.RunPython(make_plans, migrations.RunPython.noop),
        migrations.RunSQL(HOT_ROWS, UNDO_HOT_ROWS),
        migrations.RunSQL(LIMITS, "DROP VIEW quotas_limits"),
        migrations.RunSQL(FIRST_PLAN, UNDO_FIRST_PLAN),
    ]
