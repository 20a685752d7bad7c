"""What was around an error when its group was new, or came back: copies of entries, which outlive retention."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import Exact

MOST_BYTES = 262_144


class Recording(models.Model):
    """A recording that belongs to a turn of a group. `assist.recording` says what its frame holds.

    It goes with its group, by a foreign key in the database alone.
    """

    organisation_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    turn_id = models.BigIntegerField()
    what = models.CharField(max_length=10, help_text="Of the turn: new, or regressed.")
    release = models.TextField(help_text="Of the entry; empty if it has none.")
    at = models.DateTimeField(help_text="When the turn was.")
    made_at = models.DateTimeField(db_default=Now())
    entry_id = models.BigIntegerField(help_text="The entry that it was made for.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    entries = models.IntegerField()
    left_out = models.IntegerField(help_text="Entries for which there was no room.")
    size_bytes = models.IntegerField()
    frame = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [
            # Whoever dies and comes again makes no second one.
            models.UniqueConstraint(fields=["turn_id"], name="turn_is_recorded_once"),
            # A group's list; a group that comes and goes in one release has one.
            models.UniqueConstraint(fields=["group_id", "release"], name="release_of_group_is_recorded_once"),
            models.CheckConstraint(condition=Q(size_bytes__lte=MOST_BYTES), name="recording_is_bounded"),
            models.CheckConstraint(condition=Exact(Length("frame"), F("size_bytes")), name="recording_says_its_size"),
        ]
        indexes = [
            # The sum of an organisation's, the oldest of them, and what erasing looks into.
            models.Index(fields=["organisation_id", "id"], include=["size_bytes"], name="recording_organisation"),
        ]

    def __str__(self) -> str:
        return f"recording of turn {self.turn_id}"
