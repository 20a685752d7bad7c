"""Where entries live in PostgreSQL. The tables are made by migrations in SQL: they are partitioned."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value
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


class Minute(models.Model):
    """How many entries came in a minute of receipt, for whoever watches what comes in: see `storage.rollups`."""

    pk = models.CompositePrimaryKey("organisation_id", "minute", "project", "environment", "level")
    organisation_id = models.BigIntegerField()
    minute = models.DateTimeField()
    project = models.TextField()
    environment = models.TextField()
    level = models.SmallIntegerField()
    entries = models.BigIntegerField()

    class Meta:
        db_table = "storage_minute"
        indexes = [
            # The old ones go.
            BrinIndex(fields=["minute"], name="minute_minute"),
        ]

    def __str__(self) -> str:
        return f"organisation {self.organisation_id} at {self.minute}"


class EventMinute(models.Model):
    """How many entries of a UTC day of receipt happened in a minute: histograms are counted from these."""

    # Minutes before days: a histogram reads its range, whenever that was received.
    pk = models.CompositePrimaryKey("organisation_id", "minute", "day", "level")
    organisation_id = models.BigIntegerField()
    day = models.DateField()
    minute = models.DateTimeField()
    level = models.SmallIntegerField()
    entries = models.BigIntegerField()

    class Meta:
        db_table = "storage_event_minute"
        indexes = [
            # A day's rows go with its entries.
            models.Index(fields=["day", "organisation_id"], name="event_minute_day"),
        ]

    def __str__(self) -> str:
        return f"organisation {self.organisation_id} at {self.minute}, received on {self.day}"


class RollupDay(models.Model):
    """What the rollups of an organisation's UTC day of receipt hold, and the lock on them."""

    pk = models.CompositePrimaryKey("organisation_id", "day")
    organisation_id = models.BigIntegerField()
    day = models.DateField()
    projects = ArrayField(
        models.TextField(), db_default=Value([]), help_text="With `environments`: the pairs kept apart."
    )
    environments = ArrayField(models.TextField(), db_default=Value([]))
    event_minutes = models.IntegerField(
        null=True, db_default=0, help_text="How many rows of EventMinute tell all of the day; null: they do not."
    )

    class Meta:
        db_table = "storage_rollup_day"
        indexes = [
            # Whose minutes of events are to go.
            models.Index(fields=["day"], condition=Q(event_minutes=None), name="rollup_day_not_told"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(projects__len__lte=200, environments__len=F("projects__len")),
                name="rollup_day_has_200_pairs",
            ),
            models.CheckConstraint(
                condition=Q(event_minutes=None) | Q(event_minutes__lte=20_000),
                name="rollup_day_has_20000_event_minutes",
            ),
        ]

    def __str__(self) -> str:
        return f"rollups of organisation {self.organisation_id} on {self.day}"


class UnrolledDay(models.Model):
    """A day with batches of before there were rollups; those up to the id `through` are in them by now."""

    day = models.DateField(primary_key=True)
    through = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "storage_unrolled_day"

    def __str__(self) -> str:
        return f"{self.day}, rolled up through batch {self.through}"


class FieldSample(models.Model):
    """What a drain has noted of the keys of a sample of what it stored, for `storage.fields.learning`."""

    organisation_id = models.BigIntegerField()
    samples = models.BinaryField()
    noted_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "storage_field_sample"
        indexes = [models.Index(fields=["organisation_id", "id"], name="field_sample_of")]  # in their order

    def __str__(self) -> str:
        return f"sample of organisation {self.organisation_id}"


class Field(models.Model):
    """A metadata key that entries of a project have, by its path, and what was learnt of its types: no values."""

    pk = models.CompositePrimaryKey("organisation_id", "project", "path")
    organisation_id = models.BigIntegerField()
    project = models.TextField()
    path = models.TextField()
    first_at = models.DateTimeField()
    first_entry = models.BigIntegerField()
    last_at = models.DateTimeField()
    last_entry = models.BigIntegerField()
    memory = models.BinaryField(help_text="storage.fields.contract.Memory")

    class Meta:
        db_table = "storage_field"

    def __str__(self) -> str:
        return f"{self.path} of organisation {self.organisation_id}"


class Drift(models.Model):
    """A field that has another type than it had, or is missing, since an entry."""

    organisation_id = models.BigIntegerField()
    project = models.TextField()
    environment = models.TextField(help_text="Of that entry.")
    path = models.TextField()
    what = models.CharField(max_length=7, choices=[("type", "another type"), ("missing", "missing")])
    was = models.CharField(max_length=1, db_default="", help_text="The letter of a type: storage.fields.sampling.")
    became = models.CharField(max_length=1, db_default="")
    entry_id = models.BigIntegerField()
    at = models.DateTimeField(help_text="When that entry was received.")
    found_at = models.DateTimeField(db_default=Now())
    alerted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "storage_drift"
        constraints = [
            models.CheckConstraint(condition=Q(what__in=["type", "missing"]), name="drift_is_of_a_kind"),
        ]
        indexes = [
            # Those that nobody was told of.
            models.Index(fields=["id"], condition=Q(alerted_at=None), name="drift_not_alerted"),
            # What a rule would have found.
            models.Index(fields=["organisation_id", "at"], name="drift_of_organisation"),
        ]

    def __str__(self) -> str:
        return f"{self.path} of organisation {self.organisation_id}"


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

    class Meta:
        db_table = "storage_archived_day"
        ordering = ["-day", "organisation_id"]
        indexes = [
            # The next to write, and for how long one waits.
            models.Index(fields=["waits_since"], condition=~Q(waits_since=None), name="archived_day_waits"),
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
