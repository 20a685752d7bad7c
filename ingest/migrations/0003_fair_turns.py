"""The drain's turns: each organisation's oldest batches."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0002_spool")]
    operations = [
        migrations.AddIndex(
            "spooledbatch",
            models.Index(fields=["organisation_id", "batch_id"], name="spooled_batch_turn"),
        ),
    ]
