"""Receipts by the day of receipt, for `verify_ledger`. Built while receipts are written."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("storage", "0002_wall")]
    operations = [
        AddIndexConcurrently("receipt", BrinIndex(fields=["received_at"], name="receipt_received_at")),
    ]
