"""Receipts of what was loaded, to go with it. Built while receipts are written."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("storage", "0012_archive")]
    operations = [
        AddIndexConcurrently(
            "receipt",
            models.Index(
                condition=models.Q(("loaded_part_id", None), _negated=True),
                fields=["loaded_part_id"],
                name="receipt_loaded",
            ),
        ),
    ]
