"""Which edge took a batch, and when. Workers of before go on: they store such batches as if they had come here."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0010_forgotten_batches")]
    operations = [
        migrations.AddField("spooledbatch", "edge", models.TextField(null=True)),
        migrations.AddField("spooledbatch", "edge_received_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "deadletter", "edge", models.TextField(help_text="That took it. Empty: it came here.", null=True)
        ),
        migrations.AddField("deadletter", "edge_received_at", models.DateTimeField(null=True)),
    ]
