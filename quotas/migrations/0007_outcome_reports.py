"""At an edge, counts that wait to be sent to its core."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0006_loans")]
    operations = [
        migrations.CreateModel(
            name="OutcomeReport",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("written_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("amounts", models.JSONField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["written_at"], name="outcome_report_written_at")],
            },
        ),
    ]
