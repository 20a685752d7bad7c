"""Error groups, and what became of them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now


class Group(models.Model):
    """What a person sees as one error, and what was decided about it. Its numbers are those of its fingerprints."""

    class State(models.TextChoices):
        UNRESOLVED = "unresolved", "Unresolved"
        RESOLVED = "resolved", "Resolved"
        IGNORED = "ignored", "Ignored"
        MUTED = "muted", "Muted"

    class Resolution(models.TextChoices):
        NOW = "now", "Now"
        NEXT_RELEASE = "next_release", "In the next release"
        RELEASE = "release", "In a release"

    organisation_id = models.BigIntegerField()
    number = models.IntegerField(help_text="Of the organisation: group:17 finds its entries.")
    project = models.TextField()
    type = models.TextField(db_default="")
    title = models.TextField()
    culprit = models.TextField(db_default="")
    is_overflow = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(db_default=Now())
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="merged")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, db_default=State.UNRESOLVED.value)
    state_at = models.DateTimeField(db_default=Now())
    is_regressed = models.BooleanField(db_default=False, help_text="It was resolved, and came back.")
    resolution = models.CharField(max_length=12, choices=Resolution.choices, db_default="", blank=True)
    resolved_in = models.TextField(db_default="", blank=True, help_text="The release that resolves it.")
    highest_releases = ArrayField(
        models.TextField(), db_default=Value([]), help_text="Known when it was resolved: the highest of each form."
    )
    older_events = models.BigIntegerField(db_default=0, help_text="Since it was resolved, in releases known then.")
    ignored_until = models.DateTimeField(null=True, blank=True)
    ignored_events = models.BigIntegerField(null=True, blank=True, help_text="Until it has so many events in all.")
    ignored_rate = models.IntegerField(null=True, blank=True, help_text="Until it has so many events …")
    ignored_minutes = models.IntegerField(null=True, blank=True, help_text="… in so many minutes.")
    ignored_people = models.IntegerField(null=True, blank=True, help_text="Until it has met so many people in all.")

    class Meta:
        constraints = [
            # group:17, and an address.
            models.UniqueConstraint(fields=["organisation_id", "number"], name="group_is_numbered_once"),
            models.CheckConstraint(
                condition=Q(state__in=["unresolved", "resolved", "ignored", "muted"]), name="group_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="resolved") & Q(resolution__in=["now", "next_release", "release"])
                | ~Q(state="resolved") & Q(resolution=""),
                name="resolved_group_says_how",
            ),
            models.CheckConstraint(
                condition=Q(ignored_rate=None, ignored_minutes=None)
                | Q(ignored_rate__isnull=False, ignored_minutes__isnull=False),
                name="group_rate_is_in_minutes",
            ),
        ]
        indexes = [
            # Whether any ignored group is to be woken.
            models.Index(fields=["organisation_id"], condition=Q(state="ignored"), name="group_ignored"),
            # What was merged into a group.
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="group_merged_into"),
        ]
        # Group pages and lists of whatever room ask for this one.
        permissions = [("resolve_group", "Can resolve, ignore, assign, merge and split error groups")]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"


class Turn(models.Model):
    """Something that happened to a group, and who did it: nobody, where the product did."""

    class What(models.TextChoices):
        NEW = "new", "New"
        REGRESSED = "regressed", "Came back"
        RESOLVED = "resolved", "Resolved"
        UNRESOLVED = "unresolved", "Unresolved"
        IGNORED = "ignored", "Ignored"
        MUTED = "muted", "Muted"
        WOKEN = "woken", "Ignored no longer"
        MERGED = "merged", "Merged"
        SPLIT = "split", "Split"
        ASSIGNED = "assigned", "Assigned"
        COMMENT = "comment", "Commented on"
        UNDONE = "undone", "Decision taken back"

    group = models.ForeignKey(Group, on_delete=models.CASCADE, db_index=False, related_name="turns")
    organisation_id = models.BigIntegerField()
    what = models.CharField(max_length=10, choices=What.choices)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_key = models.CharField(max_length=40, db_default="", help_text="The prefix of the API key that asked for it.")
    details = models.JSONField(db_default=Value({}, models.JSONField()))
    at = models.DateTimeField(db_default=Now())
    recorded_at = models.DateTimeField(null=True, editable=False, help_text="When its surroundings were looked at.")
    alerted_at = models.DateTimeField(null=True)  # when rules for alerts were asked about it

    class Meta:
        indexes = [
            # A group's activity, the newest first.
            models.Index(fields=["group", "-id"], name="turn_group"),
            # What is to be recorded.
            models.Index(
                fields=["id"],
                condition=Q(recorded_at__isnull=True, what__in=["new", "regressed"]),
                name="turn_not_recorded",
            ),
            # What has begun lately, in all organisations.
            models.Index(fields=["-id"], condition=Q(what__in=["new", "regressed"]), name="turn_begins"),
            # What rules for alerts are to be asked about.
            models.Index(
                fields=["id"],
                condition=Q(alerted_at=None, what__in=["new", "regressed", "woken"]),
                name="turn_not_alerted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.group}"
