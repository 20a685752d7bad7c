"""Recordings of what was around new and regressed error groups."""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import Exact

# A recording goes with its group, whoever deletes that. Its frame is compressed already.
KEYS = """
ALTER TABLE assist_recording ADD CONSTRAINT recording_of_a_group
  FOREIGN KEY (group_id) REFERENCES issues_group ON DELETE CASCADE;
ALTER TABLE assist_recording ALTER COLUMN frame SET STORAGE EXTERNAL;
"""

# What callers read: see storage/wall.py.
VIEWS = """
CREATE VIEW assist_visible_recording AS
SELECT * FROM assist_recording WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
"""
NO_VIEWS = "DROP VIEW assist_visible_recording"
RIGHTS = """
DO $$
BEGIN
    GRANT SELECT ON assist_visible_recording TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assist", "0001_explanations"),
        ("issues", "0003_turns_are_recorded"),
        ("quotas", "0004_recording_days"),
    ]
    operations = [
        migrations.CreateModel(
            name="Recording",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation_id", models.BigIntegerField()),
                ("group_id", models.BigIntegerField()),
                ("turn_id", models.BigIntegerField()),
                ("what", models.CharField(help_text="Of the turn: new, or regressed.", max_length=10)),
                ("release", models.TextField(help_text="Of the entry; empty if it has none.")),
                ("at", models.DateTimeField(help_text="When the turn was.")),
                ("made_at", models.DateTimeField(db_default=Now())),
                ("entry_id", models.BigIntegerField(help_text="The entry that it was made for.")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("entries", models.IntegerField()),
                ("left_out", models.IntegerField(help_text="Entries for which there was no room.")),
                ("size_bytes", models.IntegerField()),
                ("frame", models.BinaryField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["organisation_id", "id"], include=["size_bytes"], name="recording_organisation"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("turn_id",), name="turn_is_recorded_once"),
                    models.UniqueConstraint(fields=("group_id", "release"), name="release_of_group_is_recorded_once"),
                    models.CheckConstraint(condition=Q(("size_bytes__lte", 262144)), name="recording_is_bounded"),
                    models.CheckConstraint(
                        condition=Exact(Length("frame"), F("size_bytes")), name="recording_says_its_size"
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(VIEWS, NO_VIEWS),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
