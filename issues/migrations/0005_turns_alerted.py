"""Which turns people were told of: of those of before, all."""

from django.db import migrations, models
from django.db.models import Q

# A default that is the same for all rows of before is written into none of them.
ALERTED_AT = """
ALTER TABLE issues_turn ADD COLUMN alerted_at timestamptz DEFAULT now();
ALTER TABLE issues_turn ALTER COLUMN alerted_at DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("issues", "0004_turns_that_begin")]
    operations = [
        migrations.RunSQL(
            ALERTED_AT,
            "ALTER TABLE issues_turn DROP COLUMN alerted_at",
            state_operations=[migrations.AddField("turn", "alerted_at", models.DateTimeField(null=True))],
        ),
        migrations.AddIndex(
            "turn",
            models.Index(
                fields=["id"],
                condition=Q(alerted_at=None, what__in=["new", "regressed", "woken"]),
                name="turn_not_alerted",
            ),
        ),
    ]
