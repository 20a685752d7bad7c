"""The drain's turns begin at the slot of 15 s where the oldest batch waits; failed batches have an index of their own."""

from django.db import migrations, models

SLOT = models.Func("received_at", template="extract(epoch FROM %(expressions)s AT TIME ZONE 'UTC')::bigint / 15")


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_fair_turns")]
    operations = [
        migrations.AddField(
            "spooledbatch",
            "slot",
            models.GeneratedField(expression=SLOT, output_field=models.BigIntegerField(), db_persist=True),
        ),
        migrations.AddIndex(
            "spooledbatch",
            models.Index(
                fields=["slot", "organisation_id", "batch_id"],
                condition=models.Q(attempts=0),
                name="spooled_batch_slot",
            ),
        ),
        migrations.AddIndex(
            "spooledbatch",
            models.Index(fields=["not_before"], condition=models.Q(attempts__gt=0), name="spooled_batch_retry"),
        ),
        migrations.RemoveIndex("spooledbatch", "spooled_batch_turn"),
    ]
