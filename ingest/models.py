"""The spool between a 200 and the log store, and what the drain needs to lose nothing."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ingest.waits_for import WaitsFor
from quotas.overflow import LONGEST_DEFERRAL_SECONDS

SLOT_SECONDS = 15
#: For so many slots a batch is deferred at most.
MOST_DEFERRED_SLOTS = LONGEST_DEFERRAL_SECONDS // SLOT_SECONDS + 1
SLOT = f"floor(extract(epoch FROM coalesce(%(expressions)s) AT TIME ZONE 'UTC'))::bigint / {SLOT_SECONDS}"


class SpooledBatch(models.Model):
    """A batch that was answered 200 and is not yet in the log store. `payload` is what `ingest.spool.payload` packs.

    `attempts` counts failures that are held against it, but for the first; see `ingest.spool.failures`.
    """

    batch_id = models.BigIntegerField(primary_key=True)
    organisation_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField()
    project = models.TextField()
    environment = models.TextField()
    received_at = models.DateTimeField(db_default=Now())
    period = models.DateField()
    requests = models.SmallIntegerField(default=1)  # 0 for the further parts of a split request
    entries = models.IntegerField()
    size_bytes = models.BigIntegerField()
    payload = models.BinaryField()
    is_replayed = models.BooleanField(default=False, db_default=False)  # it may be older than the rules: scrubbed again
    attempts = models.SmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(db_default=Now())
    last_error = models.TextField(default="", db_default="")
    waits_for = models.TextField(default="", db_default="", choices=WaitsFor.choices, blank=True)
    deferred_until = models.DateTimeField(null=True)  # by the overflow lane, to the beginning of a slot; else empty
    edge = models.TextField(null=True)  # noqa: DJ001 - as in the store: that took it, by its name; else empty
    edge_received_at = models.DateTimeField(null=True)
    # failed_in xid8: the transaction that noted the last failure. What has a later one was stored since.
    slot = models.GeneratedField(
        expression=models.Func("deferred_until", "received_at", template=SLOT),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    class Meta:
        verbose_name_plural = "spooled batches"
        constraints = [
            models.CheckConstraint(condition=Q(entries__range=(1, 1000)), name="spooled_batch_has_1_to_1000_entries"),
            models.CheckConstraint(
                condition=Q(deferred_until__isnull=True)
                | Q(
                    deferred_until__gt=F("received_at"),
                    deferred_until__lte=F("received_at") + timedelta(seconds=LONGEST_DEFERRAL_SECONDS + SLOT_SECONDS),
                ),
                name="batch_is_deferred_for_an_hour_at_most",
            ),
        ]
        indexes = [
            # The drain's fair turns, from the slot where the oldest batch waits.
            models.Index(
                fields=["slot", "organisation_id", "batch_id"], condition=Q(attempts=0), name="spooled_batch_slot"
            ),
            # Batches to be tried again, or given up.
            models.Index(fields=["not_before"], condition=Q(attempts__gt=0), name="spooled_batch_retry"),
        ]

    def __str__(self) -> str:
        return f"batch {self.batch_id}: {self.entries} entries"


class DrainClaim(models.Model):
    """Batches that a drain is about to take. Alive while its row is locked; a row without a lock is a dead drain's.

    Where the log store does not join the transaction, a claim lasts: it keeps its members, and what is below, until it
    is settled, whoever drives it. See `ingest.spool.relay`.
    """

    batch_ids = ArrayField(models.BigIntegerField())
    claimed_at = models.DateTimeField(db_default=Now())
    token = models.UUIDField(db_default=RandomUUID(), help_text="By which the store has its entries once.")
    attempts = models.SmallIntegerField(default=0, db_default=0, help_text="How often it was begun to be written.")
    not_before = models.DateTimeField(db_default=Now())
    deadline = models.BigIntegerField(
        null=True, help_text="After that, by the store's clock, no write of it takes effect; empty: none was begun."
    )
    error_keys = models.BinaryField(
        null=True, help_text="The fingerprints that its entries carry, fixed at the first attempt. Empty: not grouped."
    )

    def __str__(self) -> str:
        return f"claim on {len(self.batch_ids)} batches"


class IdempotencyKey(models.Model):
    """The answer to a request that carried an `Idempotency-Key`, kept for 24 hours. The key is its API key's own."""

    api_key_id = models.BigIntegerField(null=True)
    # Written, instead of `api_key_id`, by processes of the version before; to be dropped in the next one.
    organisation_id = models.BigIntegerField(null=True)
    key = models.CharField(max_length=255)
    body_sha256 = models.BinaryField(max_length=32)
    answer = models.BinaryField()
    media_type = models.TextField(db_default="application/json")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_key_id", "key"], name="idempotency_key_is_used_once_an_api_key"),
            models.UniqueConstraint(fields=["organisation_id", "key"], name="idempotency_key_is_used_once"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="idempotency_key_created_at"),  # forgetting after 24 hours
        ]

    def __str__(self) -> str:
        return f"idempotency key of API key {self.api_key_id}"


class DeadLetter(models.Model):
    """Entries that the log store refused: charged, kept with their bytes and the reason, and replayable."""

    batch_id = models.BigIntegerField()
    position = models.SmallIntegerField(null=True, help_text="Index in the batch. Empty: the whole batch.")
    organisation_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField()
    project = models.TextField()
    environment = models.TextField()
    received_at = models.DateTimeField()
    period = models.DateField()
    edge = models.TextField(null=True, help_text="That took it. Empty: it came here.")  # noqa: DJ001 - as above
    edge_received_at = models.DateTimeField(null=True)
    entries = models.IntegerField()
    size_bytes = models.BigIntegerField()
    payload = models.BinaryField()
    reason = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["batch_id", "position"], nulls_distinct=False, name="entry_dies_once"),
        ]

    def __str__(self) -> str:
        return f"dead letter of batch {self.batch_id}"


class ForgottenBatch(models.Model):
    """At an edge: a batch that its core has said to keep, and that is no longer in the spool here."""

    batch_id = models.BigIntegerField(primary_key=True)
    forgotten_at = models.DateTimeField(db_default=Now())
    is_confirmed = models.BooleanField(default=False, db_default=False, help_text="The core knows that, too.")

    class Meta:
        default_permissions = ()
        indexes = [
            # What the core is to be told next.
            models.Index(fields=["batch_id"], condition=Q(is_confirmed=False), name="forgotten_batch_to_confirm"),
        ]

    def __str__(self) -> str:
        return f"forgotten batch {self.batch_id}"
