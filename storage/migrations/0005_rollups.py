"""How many entries came and happened in each minute, and which days of before are not counted yet."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

# Receipts of before have NULL, without a row being written; those of a worker that does not know the column, false.
IS_ROLLED_UP = """
ALTER TABLE storage_receipt ADD COLUMN is_rolled_up boolean;
ALTER TABLE storage_receipt ALTER COLUMN is_rolled_up SET DEFAULT false;
"""
# No later than that column: a day whose entries were all stored by workers that write rollups is none of these.
DAYS_OF_BEFORE = """
INSERT INTO storage_unrolled_day (day)
SELECT to_date(right(child.relname, 8), 'YYYYMMDD')
  FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
 WHERE inhparent IN ('storage_logentry'::regclass, 'storage_entry'::regclass) AND EXISTS (SELECT FROM storage_receipt);
"""
# Counts are added to again and again: with room in its page a row's next version needs no entry in an index.
ROOM = """
ALTER TABLE storage_minute SET (fillfactor = 70);
ALTER TABLE storage_event_minute SET (fillfactor = 70);
ALTER TABLE storage_rollup_day SET (fillfactor = 70);
"""

# What callers read, as the views of entries: see storage/wall.py.
VIEWS = """
CREATE VIEW storage_visible_event_minute AS
SELECT * FROM storage_event_minute
 WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;

-- The days of receipt of which storage_event_minute tells all: nothing of them is from before there were rollups, was
-- stored by a worker of then, or is being deleted.
CREATE VIEW storage_visible_rolled_day AS
SELECT rolled.organisation_id, rolled.day FROM storage_rollup_day AS rolled
 WHERE rolled.organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint
   AND rolled.event_minutes IS NOT NULL
   AND NOT EXISTS (SELECT FROM storage_unrolled_day AS unrolled WHERE unrolled.day = rolled.day)
   AND NOT EXISTS (SELECT FROM storage_droppedpartition AS dropped WHERE dropped.day >= rolled.day)
   AND NOT EXISTS (SELECT FROM storage_retention AS retention
                    WHERE retention.organisation_id = rolled.organisation_id
                      AND retention.emptied_before > rolled.day::timestamp AT TIME ZONE 'UTC')
   AND NOT EXISTS (SELECT FROM storage_receipt AS receipt
                    WHERE receipt.organisation_id = rolled.organisation_id AND NOT receipt.is_rolled_up
                      AND receipt.received_at >= rolled.day::timestamp AT TIME ZONE 'UTC'
                      AND receipt.received_at < (rolled.day + 1)::timestamp AT TIME ZONE 'UTC');
"""
NO_VIEWS = "DROP VIEW storage_visible_rolled_day, storage_visible_event_minute"
RIGHTS = """
DO $$
BEGIN
    GRANT SELECT ON storage_visible_event_minute, storage_visible_rolled_day TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("storage", "0004_canonical_documents")]
    operations = [
        migrations.CreateModel(
            name="Minute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organisation_id", "minute", "project", "environment", "level",
                        blank=True, editable=False, primary_key=True, serialize=False,
                    ),
                ),
                ("organisation_id", models.BigIntegerField()),
                ("minute", models.DateTimeField()),
                ("project", models.TextField()),
                ("environment", models.TextField()),
                ("level", models.SmallIntegerField()),
                ("entries", models.BigIntegerField()),
            ],
            options={
                "db_table": "storage_minute",
                "indexes": [django.contrib.postgres.indexes.BrinIndex(fields=["minute"], name="minute_minute")],
            },
        ),
        migrations.CreateModel(
            name="EventMinute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organisation_id", "minute", "day", "level",
                        blank=True, editable=False, primary_key=True, serialize=False,
                    ),
                ),
                ("organisation_id", models.BigIntegerField()),
                ("day", models.DateField()),
                ("minute", models.DateTimeField()),
                ("level", models.SmallIntegerField()),
                ("entries", models.BigIntegerField()),
            ],
            options={
                "db_table": "storage_event_minute",
                "indexes": [models.Index(fields=["day", "organisation_id"], name="event_minute_day")],
            },
        ),
        migrations.CreateModel(
            name="RollupDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organisation_id", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("organisation_id", models.BigIntegerField()),
                ("day", models.DateField()),
                (
                    "projects",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), db_default=models.Value([]), size=None,
                        help_text="With `environments`: the pairs kept apart.",
                    ),
                ),
                (
                    "environments",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), db_default=models.Value([]), size=None
                    ),
                ),
                (
                    "event_minutes",
                    models.IntegerField(
                        null=True, db_default=0,
                        help_text="How many rows of EventMinute tell all of the day; null: they do not.",
                    ),
                ),
            ],
            options={
                "db_table": "storage_rollup_day",
                "indexes": [
                    models.Index(condition=models.Q(event_minutes=None), fields=["day"], name="rollup_day_not_told"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(projects__len__lte=200, environments__len=models.F("projects__len")),
                        name="rollup_day_has_200_pairs",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(event_minutes=None) | models.Q(event_minutes__lte=20_000),
                        name="rollup_day_has_20000_event_minutes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UnrolledDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("through", models.BigIntegerField(db_default=0)),
            ],
            options={"db_table": "storage_unrolled_day"},
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(
            IS_ROLLED_UP,
            "ALTER TABLE storage_receipt DROP COLUMN is_rolled_up",
            state_operations=[
                migrations.AddField(
                    model_name="receipt",
                    name="is_rolled_up",
                    field=models.BooleanField(
                        db_default=False, null=True,
                        help_text="Its entries are in the rollups. False: an older worker stored it; null: it is of before"
                        " rollups.",
                    ),
                )
            ],
        ),
        migrations.RunSQL(DAYS_OF_BEFORE, migrations.RunSQL.noop),
        migrations.RunSQL(VIEWS, NO_VIEWS),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
