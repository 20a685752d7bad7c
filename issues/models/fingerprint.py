"""What groups are made of, and how many groups there may be."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from issues.models.group import Group

MOST_SAMPLES = 25


class Fingerprint(models.Model):
    """What makes errors one, and how many there were. The key is what their entries carry."""

    pk = models.CompositePrimaryKey("organisation_id", "key")
    organisation_id = models.BigIntegerField()
    key = models.BigIntegerField(help_text="The first 64 bits of the digest.")
    digest = models.BinaryField()
    version = models.TextField()
    project = models.TextField()
    parent_key = models.BigIntegerField(null=True, help_text="Of the siblings, which differ in words only.")
    basis = ArrayField(models.TextField())
    group = models.ForeignKey(Group, on_delete=models.PROTECT, db_index=False, related_name="fingerprints")
    home = models.ForeignKey(Group, on_delete=models.PROTECT, db_index=False, related_name="+")  # that it was made with
    events = models.BigIntegerField(db_default=0)
    level = models.SmallIntegerField(db_default=0, help_text="The highest there was.")
    people = models.IntegerField(db_default=0, help_text="Different ones; 1,000 at most are told apart.")
    first_received_at = models.DateTimeField(null=True)
    last_received_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    first_sample = models.BigIntegerField(null=True)
    samples = ArrayField(models.BigIntegerField(), db_default=Value([]), help_text="The newest entries' ids.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # The sums of a group.
            models.Index(fields=["group"], name="fingerprint_group"),
            # What is to come home when a group is split.
            models.Index(fields=["home"], name="fingerprint_home"),
            # How many siblings there are.
            models.Index(
                fields=["organisation_id", "parent_key"],
                condition=Q(parent_key__isnull=False),
                name="fingerprint_parent",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(samples__len__lte=MOST_SAMPLES), name="fingerprint_has_25_samples"),
            models.CheckConstraint(condition=Q(people__lte=1_000), name="fingerprint_has_1000_people"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of organisation {self.organisation_id}"


class Allowance(models.Model):
    """How many groups an organisation has, and has made in an hour: beyond limits there is one for all others."""

    organisation_id = models.BigIntegerField(primary_key=True)
    hour = models.DateTimeField()
    made = models.IntegerField(db_default=0, help_text="In that hour.")
    alive = models.IntegerField(db_default=0)
    last_number = models.IntegerField(db_default=0)

    class Meta:
        db_table = "issues_allowance"

    def __str__(self) -> str:
        return f"{self.alive} groups of organisation {self.organisation_id}"
