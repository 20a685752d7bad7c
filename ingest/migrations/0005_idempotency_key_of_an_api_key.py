"""Each API key has its own `Idempotency-Key`s. Processes of before go on writing `organisation_id` beside the new ones."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0004_waits_for")]
    operations = [
        migrations.AddField("idempotencykey", "api_key_id", models.BigIntegerField(null=True)),
        migrations.AlterField("idempotencykey", "organisation_id", models.BigIntegerField(null=True)),
        migrations.AddConstraint(
            "idempotencykey",
            models.UniqueConstraint(fields=["api_key_id", "key"], name="idempotency_key_is_used_once_an_api_key"),
        ),
    ]
