"""Entries, their receipts, and what was erased. The tables of entries are made by migrations in SQL: partitioned."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class LogEntry(models.Model):
    """One stored entry: `id` is batch id × 1024 + index in the batch. Partitioned by UTC day of `received_at`.

    Documents are kept as text, compact JSON as it came. Days from before they were are in `storage_logentry`.
    """

    pk = models.CompositePrimaryKey("id", "received_at")
    id = models.BigIntegerField()
    organisation_id = models.BigIntegerField()
    received_at = models.DateTimeField()
    timestamp = models.DateTimeField()
    level = models.SmallIntegerField()
    environment = models.TextField()
    project = models.TextField()
    trace_id = models.TextField(null=True)
    span_id = models.TextField(null=True)
    parent_span_id = models.TextField(null=True)
    privacy_mode = models.BooleanField(null=True)
    message = models.TextField()
    metadata = models.JSONField(null=True)
    error = models.JSONField(null=True)
    size_bytes = models.IntegerField()
    error_key = models.BigIntegerField(null=True)
    edge = models.TextField(null=True)

    class Meta:
        db_table = "storage_entry"
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"entry {self.id}"


class Receipt(models.Model):
    """Proof that a batch was stored: the yardstick of every invariant. `entries` and `size_bytes` are those stored."""

    batch_id = models.BigIntegerField(primary_key=True)
    organisation_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField()
    period = models.DateField()
    received_at = models.DateTimeField()
    edge_received_at = models.DateTimeField(null=True, help_text="When an edge took it; empty: it came here.")
    stored_at = models.DateTimeField(db_default=Now())
    entries = models.IntegerField()
    size_bytes = models.BigIntegerField()
    is_rolled_up = models.BooleanField(
        null=True,
        db_default=False,
        help_text="Its entries are in the rollups. False: an older worker stored it; null: it is of before rollups.",
    )
    errors = models.IntegerField(
        null=True,
        db_default=-1,
        help_text="Of its entries, those in error groups. -1: nobody has looked; null: it is of before groups.",
    )
    loaded_part_id = models.BigIntegerField(
        null=True, help_text="The LoadedPart that it was read back with: it was charged before, and counts nowhere."
    )

    class Meta:
        indexes = [
            # Whether a day can be trusted, and what is to be rolled up: nearly always nothing.
            models.Index(
                fields=["organisation_id", "received_at"], condition=Q(is_rolled_up=False), name="receipt_not_rolled_up"
            ),
            # What is to be grouped: nearly always nothing.
            models.Index(fields=["organisation_id", "received_at"], condition=Q(errors=-1), name="receipt_not_grouped"),
            # `verify_ledger` reads a day at a time. Rows lie in the order of receipt: a few pages index all.
            BrinIndex(fields=["received_at"], name="receipt_received_at"),
            # What goes with a part of an archive that was loaded.
            models.Index(fields=["loaded_part_id"], condition=~Q(loaded_part_id=None), name="receipt_loaded"),
        ]

    # stored_xid xid8 NOT NULL DEFAULT pg_current_xact_id(): the order in which readers may trust rows (live tail).

    def __str__(self) -> str:
        return f"receipt of batch {self.batch_id}"


class Erased(models.Model):
    """What of a stored batch is not there any more, or was changed: a receipt says what was charged.

    Bytes are signed: what stands in the place of a value may be longer.
    """

    batch_id = models.BigIntegerField()
    organisation_id = models.BigIntegerField()
    entries = models.IntegerField()
    size_bytes = models.BigIntegerField()
    errors = models.IntegerField(db_default=0)
    erased_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "erased"
        indexes = [models.Index(fields=["batch_id"], name="erased_batch")]  # `verify_ledger` asks by batch

    def __str__(self) -> str:
        return f"{self.entries} entries, {self.size_bytes} bytes of batch {self.batch_id}"
