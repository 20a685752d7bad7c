"""What public keys have sent today. Processes of before charge no day, and neither do they know of an allowance."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_public_keys"), ("quotas", "0002_rules")]
    operations = [
        migrations.CreateModel(
            name="DailyUsage",
            fields=[
                (
                    "api_key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="daily_usage",
                        serialize=False,
                        to="accounts.apikey",
                    ),
                ),
                ("day", models.DateField()),
                ("used_bytes", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("used_bytes__gte", 0)), name="daily_usage_is_not_negative"
                    )
                ],
            },
        ),
    ]
