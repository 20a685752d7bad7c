"""The refusals of the last day, of all organisations, without a look at what was accepted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0007_roles_see_notices")]
    operations = [
        migrations.AddIndex(
            "hourlyusage",
            models.Index(
                fields=["hour"],
                condition=~models.Q(outcome__in=("accepted", "deduplicated", "below_level")),
                name="hourly_usage_of_refusals",
            ),
        ),
    ]
