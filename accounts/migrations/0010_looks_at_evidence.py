"""Looks at what explains an error group. For Django alone: the database has no rule about it."""

from django.db import migrations, models

ACTIONS = [
    ("search", "Search"), ("histogram", "Histogram"), ("fields", "Fields"), ("entry", "Entry"), ("context", "Context"),
    ("trace", "Trace"), ("tail", "Tail"), ("export", "Export"), ("dead_letter", "dead letter"),
    ("groups", "error groups"), ("group", "error group"), ("evidence", "evidence"), ("model", "question to a model"),
    ("recording", "recording"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_looks_at_groups")]
    operations = [migrations.AlterField("accessrecord", "action", models.CharField(max_length=12, choices=ACTIONS))]
