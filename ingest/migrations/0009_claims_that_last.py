"""What a claim keeps while a log store that does not join the transaction is written to. Workers of before go on."""

import django.contrib.postgres.functions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0008_deferred_batches")]
    operations = [
        migrations.AddField(
            "drainclaim",
            "token",
            models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                help_text="By which the store has its entries once.",
            ),
        ),
        migrations.AddField(
            "drainclaim",
            "attempts",
            models.SmallIntegerField(db_default=0, default=0, help_text="How often it was begun to be written."),
        ),
        migrations.AddField(
            "drainclaim", "not_before", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())
        ),
        migrations.AddField(
            "drainclaim",
            "deadline",
            models.BigIntegerField(
                null=True,
                help_text="After that, by the store's clock, no write of it takes effect; empty: none was begun.",
            ),
        ),
        migrations.AddField(
            "drainclaim",
            "error_keys",
            models.BinaryField(
                null=True,
                help_text="The fingerprints that its entries carry, fixed at the first attempt. Empty: not grouped.",
            ),
        ),
    ]
