"""Looks at dashboards. For Django alone: the database has no rule."""

from django.db import migrations, models

ACTIONS = [
    ("search", "Search"), ("histogram", "Histogram"), ("fields", "Fields"), ("entry", "Entry"), ("context", "Context"),
    ("trace", "Trace"), ("tail", "Tail"), ("export", "Export"), ("dead_letter", "dead letter"),
    ("groups", "error groups"), ("group", "error group"), ("evidence", "evidence"), ("model", "question to a model"),
    ("recording", "recording"), ("message", "message that was sent"), ("aggregate", "Aggregate"),
    ("dashboard", "Dashboard"),
]  # fmt: skip
SUBJECT = (
    "An entry's id, or a trace's; dead letters' ids; a group's, a delivery's number; what is measured; "
    "a dashboard and its edition."
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_mirror")]
    operations = [
        migrations.AlterField("accessrecord", "action", models.CharField(max_length=12, choices=ACTIONS)),
        migrations.AlterField(
            "accessrecord", "subject", models.CharField(max_length=140, blank=True, help_text=SUBJECT)
        ),
    ]
