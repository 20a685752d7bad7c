"""What leaves the store: by plans, days that are dropped, what is taken out of another store, and days that move."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Leaving(models.Model):
    """Entries that the ledger says are erased, and that a log store of its own is yet to delete."""

    organisation_id = models.BigIntegerField()
    entry_ids = ArrayField(models.BigIntegerField())
    received_at = ArrayField(models.DateTimeField(), help_text="Of each of them.")

    class Meta:
        verbose_name_plural = "leaving"
        indexes = [models.Index(fields=["organisation_id"], name="leaving_organisation")]  # before each erasure

    def __str__(self) -> str:
        return f"{len(self.entry_ids)} entries of organisation {self.organisation_id}"


class Move(models.Model):
    """A run that moves a day from PostgreSQL to another log store; see `storage.moving`."""

    day = models.DateField()
    after_id = models.BigIntegerField(db_default=-1, help_text="All entries with ids up to this one are there.")
    entries = models.BigIntegerField(db_default=0, help_text="That were brought.")
    is_over = models.BooleanField(db_default=False, help_text="They are shown, and PostgreSQL has none.")
    began_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.day}: {self.entries} entries"


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
