"""Evidence as it was last gathered."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

MOST_CHARACTERS = 262_144


class Snapshot(models.Model):
    """The evidence of a group as it was last gathered; it goes when the oldest entry that it shows would go."""

    organisation_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    made_at = models.DateTimeField()
    oldest_at = models.DateTimeField(help_text="Receipt of the oldest entry that something of is in it.")
    is_complete = models.BooleanField(help_text="No part of it took too long, or failed.")
    digest = models.CharField(max_length=32, help_text="Of all but when it was gathered.")
    document = models.TextField(help_text="JSON.")

    class Meta:
        default_permissions = ()
        constraints = [
            # Found by its group, and replaced.
            models.UniqueConstraint(fields=["group_id"], name="group_has_one_snapshot"),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("document"), MOST_CHARACTERS), name="snapshot_is_bounded"
            ),
        ]
        indexes = [
            # What an organisation's retention takes, and its erasing.
            models.Index(fields=["organisation_id", "oldest_at"], name="snapshot_oldest"),
        ]

    def __str__(self) -> str:
        return f"evidence of group {self.group_id}"


class Forgotten(models.Model):
    """When something of an organisation's entries was last erased: what was read before is not kept."""

    organisation_id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"organisation {self.organisation_id} at {self.at}"
