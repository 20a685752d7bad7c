"""One access record for a search, its chart and its pages. Processes of before write records without a look."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_erased_reasons")]

    operations = [
        migrations.AddField("accessrecord", "look", models.UUIDField(null=True, editable=False)),
        migrations.AddConstraint(
            "accessrecord",
            models.UniqueConstraint(
                fields=["user_id", "look"], condition=models.Q(look__isnull=False), name="look_has_one_record"
            ),
        ),
    ]
