"""Evidence of error groups, and what is asked of a model."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual

# What is kept of a group goes with it, whoever deletes it: rooms below know nothing of this one.
KEYS = """
ALTER TABLE assist_snapshot ADD CONSTRAINT snapshot_of_a_group
  FOREIGN KEY (group_id) REFERENCES issues_group ON DELETE CASCADE;
ALTER TABLE assist_answer ADD CONSTRAINT answer_about_a_group
  FOREIGN KEY (group_id) REFERENCES issues_group ON DELETE CASCADE;
ALTER TABLE assist_verdict ADD CONSTRAINT verdict_on_an_answer
  FOREIGN KEY (answer_id) REFERENCES assist_answer ON DELETE CASCADE;
"""

# What callers read: see storage/wall.py.
VIEWS = """
CREATE VIEW assist_visible_snapshot AS
SELECT * FROM assist_snapshot WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW assist_visible_answer AS
SELECT * FROM assist_answer WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW assist_visible_verdict AS
SELECT verdict.* FROM assist_verdict AS verdict JOIN assist_visible_answer AS answer ON answer.id = verdict.answer_id;
"""
NO_VIEWS = "DROP VIEW assist_visible_verdict, assist_visible_answer, assist_visible_snapshot"
RIGHTS = """
DO $$
BEGIN
    GRANT SELECT ON assist_visible_answer, assist_visible_snapshot, assist_visible_verdict TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""

def let_operators_ask(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="assist", model="setting"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename="ask_model", defaults={"name": "Can ask a model about error groups"}
    )
    for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        role.permissions.add(permission)


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("accounts", "0010_looks_at_evidence"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("issues", "0002_operators_resolve"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Forgotten",
            fields=[
                ("organisation_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation_id", models.BigIntegerField()),
                ("group_id", models.BigIntegerField()),
                ("made_at", models.DateTimeField()),
                ("oldest_at", models.DateTimeField(help_text="Receipt of the oldest entry that something of is in it.")),
                ("is_complete", models.BooleanField(help_text="No part of it took too long, or failed.")),
                ("digest", models.CharField(help_text="Of all but when it was gathered.", max_length=32)),
                ("document", models.TextField(help_text="JSON.")),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["organisation_id", "oldest_at"], name="snapshot_oldest")],
                "constraints": [
                    models.UniqueConstraint(fields=("group_id",), name="group_has_one_snapshot"),
                    models.CheckConstraint(
                        condition=LessThanOrEqual(Length("document"), 262144), name="snapshot_is_bounded"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Setting",
            fields=[
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="explanations",
                        serialize=False,
                        to="accounts.organisation",
                    ),
                ),
                (
                    "asks_model",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Whoever may ask sends the evidence of an error, with lines of logs, to the model that the operator has set up. Secrets and personal data are replaced first, whatever the organisation's rules say.",
                        verbose_name="may ask a model",
                    ),
                ),
                (
                    "monthly_tokens",
                    models.PositiveBigIntegerField(
                        db_default=500000,
                        default=500000,
                        help_text="What all questions and answers of a month (UTC) may come to.",
                    ),
                ),
            ],
            options={
                "verbose_name": "explanations by a model",
                "verbose_name_plural": "explanations by a model",
                "permissions": [("ask_model", "Can ask a model about error groups")],
            },
        ),
        migrations.CreateModel(
            name="Spending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organisation"
                    ),
                ),
                ("period", models.DateField(help_text="First day of the month (UTC).")),
                ("tokens", models.BigIntegerField()),
                ("questions", models.IntegerField(db_default=0)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "period"), name="one_spending_row_a_month"),
                    models.CheckConstraint(condition=models.Q(("tokens__gte", 0)), name="spending_is_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation_id", models.BigIntegerField()),
                ("group_id", models.BigIntegerField()),
                ("digest", models.CharField(max_length=32)),
                ("model", models.CharField(max_length=200)),
                ("at", models.DateTimeField(db_default=Now())),
                ("oldest_at", models.DateTimeField(help_text="That of the evidence.")),
                ("document", models.TextField(help_text="JSON.")),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["organisation_id", "oldest_at"], name="answer_oldest")],
                "constraints": [
                    models.UniqueConstraint(fields=("group_id", "digest", "model"), name="evidence_is_explained_once"),
                    models.CheckConstraint(
                        condition=LessThanOrEqual(Length("document"), 65536), name="answer_is_bounded"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Verdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "answer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verdicts",
                        to="assist.answer",
                    ),
                ),
                (
                    "who",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("is_helpful", models.BooleanField()),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("answer", "who"), name="one_verdict_each")],
            },
        ),
        migrations.CreateModel(
            name="Call",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=Now())),
                ("organisation_id", models.BigIntegerField()),
                ("group_number", models.IntegerField()),
                (
                    "record_id",
                    models.BigIntegerField(help_text="Its access record: who asked, when and from where."),
                ),
                ("username", models.CharField(max_length=150)),
                ("digest", models.CharField(max_length=32)),
                ("model", models.CharField(max_length=200)),
                ("sent", models.TextField(help_text="The body of the request.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("asked", "No answer yet"),
                            ("answered", "Answered"),
                            ("invalid", "Answered, but not as asked"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                        ],
                        db_default="asked",
                        max_length=10,
                    ),
                ),
                ("detail", models.CharField(blank=True, db_default="", max_length=200)),
                ("tokens_in", models.IntegerField(db_default=0)),
                ("tokens_out", models.IntegerField(db_default=0)),
                ("seconds", models.FloatField(null=True)),
            ],
            options={
                "verbose_name": "question to a model",
                "verbose_name_plural": "questions to a model",
                "ordering": ["-at", "-id"],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-at", "-id"], name="call_newest"),
                    models.Index(fields=["organisation_id"], name="call_organisation"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["asked", "answered", "invalid", "refused", "failed"])),
                        name="outcome_of_call_is_known",
                    ),
                    models.CheckConstraint(condition=LessThanOrEqual(Length("sent"), 524288), name="call_is_bounded"),
                ],
            },
        ),
        migrations.RunSQL(KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(VIEWS, NO_VIEWS),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
        migrations.RunPython(let_operators_ask, migrations.RunPython.noop),
    ]
