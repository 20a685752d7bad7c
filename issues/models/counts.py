"""What is counted of errors as they come: by minute and hour, people, releases, and what filters left out.

Rows that a drain writes have no foreign keys: what it has counted is never refused.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

#: What is client-named beyond what is kept apart.
OTHERS = "…"


class Minute(models.Model):
    """How many errors of a fingerprint came in a minute of receipt: for alerts, and for the proof."""

    pk = models.CompositePrimaryKey("organisation_id", "key", "minute", "environment", "release", "level")
    organisation_id = models.BigIntegerField()
    key = models.BigIntegerField()
    minute = models.DateTimeField()
    environment = models.TextField()
    release = models.TextField()
    level = models.SmallIntegerField()
    events = models.BigIntegerField()

    class Meta:
        db_table = "issues_minute"
        indexes = [
            # The old ones go, and a day is proven.
            BrinIndex(fields=["minute"], name="issues_minute_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.key} at {self.minute}"


class Hour(models.Model):
    """How many errors of a fingerprint came in an hour of receipt: for people."""

    pk = models.CompositePrimaryKey("organisation_id", "key", "hour", "environment", "release", "level")
    organisation_id = models.BigIntegerField()
    key = models.BigIntegerField()
    hour = models.DateTimeField()
    environment = models.TextField()
    release = models.TextField()
    level = models.SmallIntegerField()
    events = models.BigIntegerField()

    class Meta:
        db_table = "issues_hour"
        indexes = [
            # The old ones go; spikes are looked for in the newest.
            BrinIndex(fields=["hour"], name="issues_hour_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.key} at {self.hour}"


class Person(models.Model):
    """Somebody who met an error, as a hash that only this organisation's entries have."""

    pk = models.CompositePrimaryKey("organisation_id", "key", "person")
    organisation_id = models.BigIntegerField()
    key = models.BigIntegerField()
    person = models.BigIntegerField()
    last_day = models.DateField()

    class Meta:
        db_table = "issues_person"
        indexes = [
            # Somebody is forgotten.
            models.Index(fields=["organisation_id", "person"], name="person_person"),
        ]

    def __str__(self) -> str:
        return f"somebody in {self.key}"


class Release(models.Model):
    """When a release of a project was seen first, in an error: nothing else of releases has an order."""

    pk = models.CompositePrimaryKey("organisation_id", "project", "release")
    organisation_id = models.BigIntegerField()
    project = models.TextField()
    release = models.TextField()
    first_seen = models.DateTimeField()

    class Meta:
        db_table = "issues_release"

    def __str__(self) -> str:
        return f"{self.release} of {self.project}"


class Filtered(models.Model):
    """How many errors of a day of receipt (UTC) were left out of all groups, by the filter."""

    pk = models.CompositePrimaryKey("organisation_id", "day", "filter")
    organisation_id = models.BigIntegerField()
    day = models.DateField()
    filter = models.TextField()
    entries = models.BigIntegerField()

    class Meta:
        db_table = "issues_filtered"

    def __str__(self) -> str:
        return f"{self.entries} by {self.filter} on {self.day}"
