"""Where entries live in PostgreSQL. The tables are made by migrations in SQL: they are partitioned."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
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
    stored_at = models.DateTimeField(db_default=Now())
    entries = models.IntegerField()
    size_bytes = models.BigIntegerField()

    class Meta:
        indexes = [
            # `verify_ledger` reads a day at a time. Rows lie in the order of receipt: a few pages index all.
            BrinIndex(fields=["received_at"], name="receipt_received_at"),
        ]

    # stored_xid xid8 NOT NULL DEFAULT pg_current_xact_id(): the order in which readers may trust rows (live tail).

    def __str__(self) -> str:
        return f"receipt of batch {self.batch_id}"


class Retention(models.Model):
    """How far an organisation's entries have been deleted because its plan keeps them no longer."""

    organisation_id = models.BigIntegerField(primary_key=True)
    emptied_before = models.DateTimeField(help_text="Entries received before were deleted, or are being deleted.")
    ran_at = models.DateTimeField(help_text="When the last run found something to delete.")
    deleted_entries = models.BigIntegerField(default=0, help_text="By that run.")
    deleted_entries_in_all = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "retention"

    def __str__(self) -> str:
        return f"retention of organisation {self.organisation_id}"


class DroppedPartition(models.Model):
    """A day that no plan keeps any more."""

    day = models.DateField(primary_key=True)
    entries = models.BigIntegerField(help_text="PostgreSQL's estimate.")
    size_bytes = models.BigIntegerField(help_text="With its indexes.")
    dropped_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"partition of {self.day}"
