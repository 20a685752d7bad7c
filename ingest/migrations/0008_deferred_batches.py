"""Batches that are kept now and stored later: their slot is that of the moment until which they are deferred.

The slot is a generated column, so PostgreSQL writes the spool anew: some seconds a gigabyte that waits. Processes of the
version before go on: their web processes defer nothing, their workers store what is deferred at once.
"""

from datetime import timedelta

from django.db import migrations, models

# PostgreSQL 17 could give a column another expression; 15 cannot. Its index goes with it.
SLOT = """
ALTER TABLE ingest_spooledbatch DROP COLUMN slot;
ALTER TABLE ingest_spooledbatch ADD COLUMN slot bigint GENERATED ALWAYS AS ({expression}) STORED;
CREATE INDEX spooled_batch_slot ON ingest_spooledbatch (slot, organisation_id, batch_id) WHERE attempts = 0;
"""
BEFORE = "extract(epoch FROM received_at AT TIME ZONE 'UTC')::bigint / 15"
NOW = "floor(extract(epoch FROM coalesce(deferred_until, received_at) AT TIME ZONE 'UTC'))::bigint / 15"


class Migration(migrations.Migration):
    dependencies = [("ingest", "0007_replayed_batches")]
    operations = [
        migrations.AddField("spooledbatch", "deferred_until", models.DateTimeField(null=True)),
        migrations.RunSQL(
            SLOT.format(expression=NOW),
            SLOT.format(expression=BEFORE),
            state_operations=[
                migrations.AlterField(
                    "spooledbatch",
                    "slot",
                    models.GeneratedField(
                        expression=models.Func(
                            "deferred_until",
                            "received_at",
                            template="floor(extract(epoch FROM coalesce(%(expressions)s) AT TIME ZONE 'UTC'))::bigint / 15",
                        ),
                        output_field=models.BigIntegerField(),
                        db_persist=True,
                    ),
                )
            ],
        ),
        migrations.AddConstraint(
            "spooledbatch",
            models.CheckConstraint(
                condition=models.Q(("deferred_until__isnull", True))
                | models.Q(
                    ("deferred_until__gt", models.F("received_at")),
                    ("deferred_until__lte", models.F("received_at") + timedelta(seconds=3615)),
                ),
                name="batch_is_deferred_for_an_hour_at_most",
            ),
        ),
    ]
