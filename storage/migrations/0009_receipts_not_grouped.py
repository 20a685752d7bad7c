"""Receipts of batches whose errors are in no group, for whoever groups them. Built while receipts are written."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("storage", "0008_errors")]
    operations = [
        AddIndexConcurrently(
            "receipt",
            models.Index(
                condition=models.Q(errors=-1), fields=["organisation_id", "received_at"], name="receipt_not_grouped"
            ),
        ),
    ]
