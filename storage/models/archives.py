"""Archives of closed days: which there are, which are to be, and what was read back."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ArchivedDay(models.Model):
    """A closed UTC day of receipt of an organisation that is archived, or is to be: then retention waits for it."""

    pk = models.CompositePrimaryKey("organisation_id", "day")
    organisation_id = models.BigIntegerField()
    day = models.DateField()
    waits_since = models.DateTimeField(null=True, help_text="When it was found that it is to be written; null: it is.")
    version = models.IntegerField(default=0, db_default=0, help_text="One more whenever its entries were changed.")
    attempt = models.CharField(
        max_length=32, blank=True, default="", db_default="", help_text="The name of the archive that is being written."
    )
    attempt_version = models.IntegerField(default=0, db_default=0)
    tries = models.IntegerField(default=0, db_default=0, help_text="That failed since the last that did not.")
    tried_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")

    # Of the archive that is whole.
    archive = models.CharField(max_length=32, blank=True, default="", db_default="")
    written_at = models.DateTimeField(null=True)
    entries = models.BigIntegerField(null=True, help_text="That the receipts of the day said then.")
    size_bytes = models.BigIntegerField(null=True)
    parts = models.IntegerField(default=0, db_default=0)
    object_bytes = models.BigIntegerField(default=0, db_default=0, help_text="Compressed.")
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    verified_at = models.DateTimeField(null=True, help_text="When all of it was last read, and compared.")
    wrong = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="What was found wrong with it then."
    )

    class Meta:
        db_table = "storage_archived_day"
        ordering = ["-day", "organisation_id"]
        indexes = [
            # The next to write, and for how long one waits.
            models.Index(fields=["waits_since"], condition=~Q(waits_since=None), name="archived_day_waits"),
            # The newest, on the console's page.
            models.Index(fields=["-day", "organisation_id"], name="archived_day_newest"),
        ]

    def __str__(self) -> str:
        return f"archive of organisation {self.organisation_id} on {self.day}"


class ArchivedPart(models.Model):
    """A part that is written of an archive that is not whole yet: whoever goes on after a kill begins behind it."""

    pk = models.CompositePrimaryKey("organisation_id", "day", "number")
    organisation_id = models.BigIntegerField()
    day = models.DateField()
    number = models.IntegerField()
    name = models.CharField(max_length=64)
    entries = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    text_bytes = models.BigIntegerField()
    text_sha256 = models.CharField(max_length=64)
    object_bytes = models.BigIntegerField()
    object_sha256 = models.CharField(max_length=64)
    through_received_at = models.DateTimeField(help_text="Of the last batch in it.")
    through_batch_id = models.BigIntegerField()

    class Meta:
        db_table = "storage_archived_part"

    def __str__(self) -> str:
        return f"part {self.number} of organisation {self.organisation_id} on {self.day}"


class Archiving(models.Model):
    """How far closed days were looked at, and when archiving was last at work: one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    planned_through = models.DateField(null=True, help_text="Days up to this one were looked at once they were closed.")
    looked_at = models.DateTimeField(db_default=Now(), help_text="When a worker last looked for what is to be written.")
    written_at = models.DateTimeField(null=True, help_text="When a day was last written whole.")

    class Meta:
        db_table = "storage_archiving"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="archiving_has_one_row")]

    def __str__(self) -> str:
        return f"archived through {self.planned_through}"


class LoadedPart(models.Model):
    """A part of an archive that was read back, until its days are over. Its batches have receipts that say so."""

    id = models.BigAutoField(primary_key=True)
    organisation_id = models.BigIntegerField()
    day = models.DateField(help_text="On which its entries were received first.")
    archive = models.CharField(max_length=32)
    number = models.IntegerField()
    received_at = models.DateTimeField(help_text="Of all its entries, now.")
    batch_ids = ArrayField(models.BigIntegerField())
    entries = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    kept_until = models.DateTimeField()
    is_whole = models.BooleanField(
        default=False, db_default=False, help_text="All of it is stored; false while it comes, and while it goes."
    )

    class Meta:
        db_table = "storage_loaded_part"
        constraints = [
            # Once, however often it is loaded.
            models.UniqueConstraint(fields=["organisation_id", "day", "number"], name="loaded_part_once"),
        ]
        indexes = [
            # What is over.
            models.Index(fields=["kept_until"], name="loaded_part_until"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of organisation {self.organisation_id} on {self.day}, loaded"
