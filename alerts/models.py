"""Rules, the incidents that they find, silences, and what is counted for rules alone.

Rows that a round of the evaluator writes have no foreign keys to organisations: it locks none.
"""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from alerts.terms import Kind
from foundation.levels import Level

MOST_MINUTES = 1_440
MOST_COUNT = 10**9
MOST_CHANNELS = 20
MOST_QUERY = 2_000
MOST_NAME = 200


class Rule(models.Model):
    """What an organisation wants to be told of. `rule_name` to `channels` are the fields of the vendor's rules."""

    class Kinds(models.TextChoices):
        THRESHOLD = "threshold", "so many errors, or entries of a level"
        SEARCH = "search", "so many entries that a search finds"
        NEW_GROUP = "new_group", "an error that was never seen"
        REGRESSION = "regression", "a resolved error that comes back"
        WOKEN = "woken", "an ignored error that is ignored no longer"
        ABSENCE = "absence", "nothing comes any more"
        RATIO = "ratio", "so large a part of all entries"
        SPIKE = "spike", "three times as many as usual"
        MONITOR = "monitor", "a heartbeat that stops"
        DIGEST = "digest", "a digest of new, returned and busiest errors"
        DRIFT = "drift", "a field of entries that changes its type, or is missing"

    class GroupBy(models.TextChoices):
        NOTHING = "", "nothing: all together"
        ENVIRONMENT = "environment", "environment"
        PROJECT = "project", "project"
        GROUP = "group", "error group"

    class State(models.TextChoices):
        OK = "ok", "OK"
        FIRING = "firing", "Firing"
        UNKNOWN = "unknown", "Unknown"
        WAITING = "waiting", "Waiting for the first"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="alert_rules")
    rule_name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kinds.choices, default=Kinds.THRESHOLD)
    error_type = models.CharField(
        max_length=MOST_NAME, blank=True, default="", db_default="",
        help_text="Of an error: exactly so, or its beginning, as in Payment*. Empty: any.",
    )  # fmt: skip
    severity = models.SmallIntegerField(
        choices=[(level.value, level.label) for level in Level],
        default=Level.ERROR.value,
        help_text="The lowest level that counts.",
    )
    count_threshold = models.IntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_COUNT)], help_text="1: every occurrence."
    )
    time_window_minutes = models.IntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(MOST_MINUTES)], help_text="1 to 1,440 minutes."
    )
    channels = ArrayField(
        models.CharField(max_length=20), default=list, db_default=Value([]), blank=True, size=MOST_CHANNELS,
        help_text="Kinds of channels (slack, email, webhook …) or their numbers, separated by commas. Empty: all.",
    )  # fmt: skip
    project = models.CharField(max_length=MOST_NAME, blank=True, default="", db_default="", help_text="Empty: any.")
    environment = models.CharField(max_length=MOST_NAME, blank=True, default="", db_default="", help_text="Empty: any.")
    query = models.CharField(
        max_length=MOST_QUERY, blank=True, default="", db_default="", help_text="Of a search: as in the explorer."
    )
    group_by = models.CharField(
        max_length=11, choices=GroupBy.choices, blank=True, default="", db_default="",
        help_text="An incident for each, and not one for all.",
    )  # fmt: skip
    ratio_percent = models.SmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="Of a ratio."
    )
    keep_firing_minutes = models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(MOST_MINUTES)],
        help_text="Quiet for so long, and the incident is over. Empty: as long as the window.",
    )  # fmt: skip
    cooldown_minutes = models.IntegerField(
        default=0, db_default=0, validators=[MinValueValidator(0), MaxValueValidator(MOST_MINUTES)],
        help_text="After a message, incidents of so long come without one.",
    )  # fmt: skip
    digest_every = models.CharField(
        max_length=4, blank=True, default="", db_default="",
        choices=[("hour", "hour"), ("day", "day"), ("week", "week")],
        help_text="Of a digest.",
    )  # fmt: skip
    digest_at = models.TimeField(null=True, blank=True, help_text="Of a digest of a day or a week. Empty: 08:00.")
    digest_weekday = models.SmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(7)],
        help_text="Of a digest of a week: 1 is Monday, as is empty.",
    )  # fmt: skip
    digest_if_nothing = models.BooleanField(
        default=False, db_default=False, help_text="Send a digest also when nothing happened."
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", db_default="UTC", help_text="Of a digest: as in Europe/Berlin."
    )
    is_active = models.BooleanField(default=True, db_default=True)
    is_built_in = models.BooleanField(default=False, db_default=False, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    by_key = models.CharField(
        max_length=40, default="", db_default="", editable=False, help_text="The prefix of the API key that made it."
    )
    salt = models.UUIDField(default=uuid4, editable=False)  # with SECRET_KEY it makes a heartbeat's address
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # What the evaluator writes.
    settled_until = models.DateTimeField(db_default=Now(), editable=False)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default="ok", db_default="ok", editable=False)
    state_reason = models.CharField(max_length=200, default="", db_default="", editable=False)
    slow_looks = models.SmallIntegerField(default=0, db_default=0, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_reason = models.CharField(max_length=200, default="", db_default="", editable=False)

    class Meta:
        ordering = ["rule_name", "id"]
        verbose_name = "alert rule"
        constraints = [
            # One name, one rule: of the list, and of whoever provisions rules again.
            models.UniqueConstraint(fields=["organisation", "rule_name"], name="alert_rule_is_named_once"),
            # What the product makes by itself, it makes once.
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(is_built_in=True), name="built_in_rule_is_one"
            ),
            models.CheckConstraint(condition=~Q(rule_name=""), name="alert_rule_has_a_name"),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="alert_rule_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(count_threshold__range=(1, MOST_COUNT)), name="alert_rule_counts_from_1"
            ),
            models.CheckConstraint(
                condition=Q(time_window_minutes__range=(1, MOST_MINUTES)), name="alert_rule_window_is_a_day_at_most"
            ),
            models.CheckConstraint(
                condition=Q(kind="digest", digest_every__in=["hour", "day", "week"]) | ~Q(kind="digest"),
                name="alert_rule_digest_has_its_period",
            ),
            models.CheckConstraint(
                condition=Q(kind="ratio", ratio_percent__range=(1, 100)) | ~Q(kind="ratio"),
                name="alert_rule_ratio_has_its_percentage",
            ),
        ]
        indexes = [
            # A round's rules, by organisation.
            models.Index(
                fields=["organisation", "id"], condition=Q(is_active=True, paused_at=None), name="alert_rule_running"
            ),
        ]

    def __str__(self) -> str:
        return self.rule_name


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
