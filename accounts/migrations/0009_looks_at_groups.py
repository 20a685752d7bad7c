"""Looks at error groups are looks at logs. For Django alone: the database has no rule about it."""

from django.db import migrations, models

ACTIONS = [
    ("search", "Search"), ("histogram", "Histogram"), ("fields", "Fields"), ("entry", "Entry"), ("context", "Context"),
    ("trace", "Trace"), ("tail", "Tail"), ("export", "Export"), ("dead_letter", "dead letter"),
    ("groups", "error groups"), ("group", "error group"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_public_keys")]
    operations = [
        migrations.AlterField("accessrecord", "action", models.CharField(max_length=12, choices=ACTIONS)),
        migrations.AlterField(
            "accessrecord",
            "subject",
            models.CharField(
                max_length=140,
                blank=True,
                help_text="The entry's id, or the trace's; dead letters' ids; a group's number.",
            ),
        ),
    ]
