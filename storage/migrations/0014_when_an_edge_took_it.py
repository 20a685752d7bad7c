"""When an edge took a batch: its hour is the edge's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0013_receipts_loaded")]
    operations = [
        migrations.AddField(
            "receipt",
            "edge_received_at",
            models.DateTimeField(help_text="When an edge took it; empty: it came here.", null=True),
        ),
    ]
