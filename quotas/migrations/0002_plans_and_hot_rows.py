"""The published plans, and room on the page for the usage row that every accepted batch updates."""

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


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial")]
    operations = [
        migrations.RunPython(make_plans, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE quotas_monthlyusage SET (fillfactor = 50)",
            "ALTER TABLE quotas_monthlyusage RESET (fillfactor)",
        ),
    ]
