"""Receipts that are in no rollup, for whoever trusts one. Built while receipts are written."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("storage", "0005_rollups")]
    operations = [
        AddIndexConcurrently(
            "receipt",
            models.Index(
                condition=models.Q(is_rolled_up=False),
                fields=["organisation_id", "received_at"],
                name="receipt_not_rolled_up",
            ),
        ),
    ]
