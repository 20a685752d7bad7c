"""What is counted and remembered for rules alone, by the evaluator and by those that look at arrivals."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Minute(models.Model):
    """Entries that a rule's search found of a minute of receipt, or heartbeats of a monitor."""

    pk = models.CompositePrimaryKey("rule_id", "minute", "value")
    rule_id = models.BigIntegerField()
    minute = models.DateTimeField()
    value = models.TextField()
    entries = models.BigIntegerField()

    class Meta:
        db_table = "alerts_minute"
        indexes = [
            # The old ones go.
            BrinIndex(fields=["minute"], name="alerts_minute_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.entries} of rule {self.rule_id}"


class Seen(models.Model):
    """When a value that a rule would miss came last, and whether it had come in every hour of the week before."""

    pk = models.CompositePrimaryKey("rule_id", "value")
    rule_id = models.BigIntegerField()
    value = models.TextField()
    last_minute = models.DateTimeField()
    is_steady = models.BooleanField(db_default=False)

    class Meta:
        db_table = "alerts_seen"

    def __str__(self) -> str:
        return f"{self.value} of rule {self.rule_id}"


class Cursor(models.Model):
    """How far the searches of an organisation's rules have come through what arrives: see `storage.arrivals`."""

    organisation_id = models.BigIntegerField(primary_key=True)
    seen = models.TextField()
    until = models.TextField(db_default="")
    stored_xid = models.BigIntegerField(db_default=0)
    after = models.BigIntegerField(db_default=0)
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "alerts_cursor"

    def __str__(self) -> str:
        return f"searches of organisation {self.organisation_id}"


class Round(models.Model):
    """The evaluator's one row: when it looked last, and until when we ourselves took nothing in."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    looked_at = models.DateTimeField()
    deaf_until = models.DateTimeField(null=True)
    built_in_at = models.DateTimeField(null=True, help_text="When rules of the product's own were seen to.")
    seconds = models.FloatField(db_default=0)

    class Meta:
        db_table = "alerts_round"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="round_is_one")]

    def __str__(self) -> str:
        return f"looked at {self.looked_at}"
