"""Dashboards, for the role that looks at logs; and how a saved search is shown. Processes of before save without it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

#: Beyond what `explore.dashboards.document` checks: no writer makes the table hold more. jsonb is written with blanks.
BOUNDED = """
ALTER TABLE explore_dashboard
  ADD CONSTRAINT dashboard_is_bounded CHECK (octet_length(document::text) <= 65536),
  ADD CONSTRAINT dashboard_has_few_panels CHECK (jsonb_array_length(coalesce(document -> 'panels', '[]')) <= 24)
"""
UNBOUNDED = "ALTER TABLE explore_dashboard DROP CONSTRAINT dashboard_is_bounded, DROP CONSTRAINT dashboard_has_few_panels"


def let_operators_make_them(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    models = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = models.get_or_create(app_label="explore", model="dashboard")
    made = [
        apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=f"{verb}_dashboard", defaults={"name": f"Can {verb} dashboard"}
        )[0]
        for verb in ("view", "add", "change", "delete")
    ]
    for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        role.permissions.add(*made)


class Migration(migrations.Migration):
    dependencies = [
        ("explore", "0002_shape_of_saved_searches"),
        ("accounts", "0015_looks_at_dashboards"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "savedsearch",
            "view",
            models.CharField(
                max_length=2000, blank=True, db_default="", default="",
                help_text="How it is shown, as in the address from show= on. Empty: as a list.",
            ),
        ),
        migrations.CreateModel(
            name="Dashboard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=80)),
                (
                    "access",
                    models.CharField(
                        max_length=8,
                        choices=[
                            ("private", "only the owner"),
                            ("shared", "everybody who may see dashboards looks"),
                            ("open", "everybody who may change dashboards changes it"),
                        ],
                        default="private",
                    ),
                ),
                ("document", models.JSONField(help_text="Panels, range and variables, without the title.")),
                (
                    "edition",
                    models.PositiveIntegerField(
                        default=1, help_text="Counts its changes: nobody overwrites what they have not seen."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dashboards",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="dashboards",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["title", "id"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("title", ""), _negated=True), name="dashboard_has_a_title"),
                    models.CheckConstraint(
                        condition=models.Q(("access__in", ["private", "shared", "open"])),
                        name="dashboard_access_is_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(BOUNDED, UNBOUNDED),
        migrations.RunPython(let_operators_make_them, migrations.RunPython.noop),
    ]
