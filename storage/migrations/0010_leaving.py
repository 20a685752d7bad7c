"""What erasures are yet to delete in a log store that does not join their transaction; with PostgreSQL always nothing."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0009_receipts_not_grouped")]
    operations = [
        migrations.CreateModel(
            name="Leaving",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation_id", models.BigIntegerField()),
                ("entry_ids", django.contrib.postgres.fields.ArrayField(models.BigIntegerField())),
                (
                    "received_at",
                    django.contrib.postgres.fields.ArrayField(
                        models.DateTimeField(), help_text="Of each of them."
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "leaving",
                "indexes": [models.Index(fields=["organisation_id"], name="leaving_organisation")],
            },
        ),
    ]
