"""What rules have found, and of what nobody is told for a time."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from alerts.models.bounds import MOST_NAME
from alerts.models.rules import Rule


class Incident(models.Model):
    """What a rule has found, from `opened_at` until `closed_at`: minutes of receipt, or a turn's moment."""

    class Told(models.TextChoices):
        """What became of its message."""

        NOTHING = "", "Not yet"
        TOLD = "told", "Told"
        SILENCED = "silenced", "Silenced"
        COOLED = "cooled", "Within the cool-down"
        FLAPPING = "flapping", "Told as flapping"
        FLAPS_ON = "flaps_on", "Flapping goes on"

    organisation_id = models.BigIntegerField()
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, db_index=False, related_name="incidents")
    value = models.TextField(db_default="", help_text="Of what the rule counts apart.")
    opened_at = models.DateTimeField()
    last_over_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    peak = models.BigIntegerField(db_default=0)
    is_late = models.BooleanField(db_default=False, help_text="It was over when it was seen: stored late.")
    told = models.CharField(max_length=8, choices=Told.choices, db_default="", blank=True)
    flaps_ended_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, db_default="")
    ended_by = models.CharField(max_length=20, db_default="", help_text="What closed it, if not what was counted.")
    details = models.JSONField(null=True, help_text="Of a drift: `alerts.drifted.details_of`.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            # There is one, whatever happens twice.
            models.UniqueConstraint(
                fields=["rule", "value"], condition=Q(closed_at=None), name="incident_is_open_once"
            ),
            # One that was over when it was seen; and a rule's incidents of a value, the newest first.
            models.UniqueConstraint(fields=["rule", "value", "opened_at"], name="incident_begins_once"),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")), name="incident_ends_after_it_began"
            ),
        ]
        indexes = [
            # The list of an organisation.
            models.Index(fields=["organisation_id", "-id"], name="incident_of_organisation"),
            # Those that flap, until they are quiet.
            models.Index(
                fields=["closed_at"],
                condition=Q(told__in=["flapping", "flaps_on"], flaps_ended_at=None),
                name="incident_flapping",
            ),
            # The old ones go.
            BrinIndex(fields=["created_at"], name="incident_created_at"),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}"


class Silence(models.Model):
    """Incidents that nobody is told of for a time; all that is said of them must fit."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="silences")
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: any.")
    project = models.CharField(max_length=MOST_NAME, blank=True, default="", db_default="", help_text="Empty: any.")
    environment = models.CharField(max_length=MOST_NAME, blank=True, default="", db_default="", help_text="Empty: any.")
    group = models.IntegerField(null=True, blank=True, help_text="The number of an error group. Empty: any.")
    until = models.DateTimeField()
    reason = models.CharField(max_length=200)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    by_key = models.CharField(max_length=40, default="", db_default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-until"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="silence_has_a_reason")]
        indexes = [
            # Those in force.
            models.Index(fields=["organisation", "until"], name="silence_until"),
        ]

    def __str__(self) -> str:
        return f"silence until {self.until:%Y-%m-%d %H:%M}"
