"""What was around new and regressed groups is recorded from now on: turns of before count as done."""

from django.db import migrations, models
from django.db.models import Q

# A default that is the same for all is written into no row (PostgreSQL manual, ALTER TABLE).
ADD = """
ALTER TABLE issues_turn ADD COLUMN recorded_at timestamptz DEFAULT now();
ALTER TABLE issues_turn ALTER COLUMN recorded_at DROP DEFAULT;
"""
TAKE = "ALTER TABLE issues_turn DROP COLUMN recorded_at"


class Migration(migrations.Migration):
    dependencies = [("issues", "0002_operators_resolve")]
    operations = [
        migrations.RunSQL(
            ADD,
            TAKE,
            state_operations=[
                migrations.AddField(
                    "turn",
                    "recorded_at",
                    models.DateTimeField(editable=False, null=True, help_text="When its surroundings were looked at."),
                ),
            ],
        ),
        migrations.AddIndex(
            "turn",
            models.Index(
                fields=["id"],
                condition=Q(recorded_at__isnull=True, what__in=["new", "regressed"]),
                name="turn_not_recorded",
            ),
        ),
    ]
