"""What has begun lately is found by an index; and a decision that was taken back says so."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index that is made beside those who write

    dependencies = [("issues", "0003_turns_are_recorded")]

    operations = [
        migrations.AlterField(
            model_name="turn",
            name="what",
            field=models.CharField(
                choices=[
                    ("new", "New"), ("regressed", "Came back"), ("resolved", "Resolved"), ("unresolved", "Unresolved"),
                    ("ignored", "Ignored"), ("muted", "Muted"), ("woken", "Ignored no longer"), ("merged", "Merged"),
                    ("split", "Split"), ("assigned", "Assigned"), ("comment", "Commented on"),
                    ("undone", "Decision taken back"),
                ],
                max_length=10,
            ),
        ),
        AddIndexConcurrently(
            "turn",
            models.Index(
                fields=["-id"], condition=models.Q(("what__in", ["new", "regressed"])), name="turn_begins"
            ),
        ),
    ]
