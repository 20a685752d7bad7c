"""What is counted of stored entries, minute by minute; and which days are not counted yet."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value


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
