"""What an organisation wants to be told of."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from alerts.models.bounds import MOST_CHANNELS, MOST_COUNT, MOST_MINUTES, MOST_NAME, MOST_QUERY
from alerts.terms import Kind
from foundation.levels import Level


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
