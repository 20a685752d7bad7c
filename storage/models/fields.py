"""Fields of metadata, as a sample of entries has them: see `storage.fields`."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


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
