"""Keep the ids of a claim as they are: to compress those of a thousand batches takes longer than all else of a claim."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ingest", "0005_idempotency_key_of_an_api_key")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE ingest_drainclaim ALTER COLUMN batch_ids SET STORAGE EXTERNAL",
            "ALTER TABLE ingest_drainclaim ALTER COLUMN batch_ids SET STORAGE EXTENDED",
        ),
    ]
