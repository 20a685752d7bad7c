"""Error groups, what they are made of, and what became of them. Counts hang on fingerprints, never on groups.

So who merges or splits groups moves fingerprints from one to another, and no count. Rows that a drain writes have no
foreign keys: what it has counted is never refused.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from issues.ours import MOST_CHARACTERS as MOST_OF_PREFIX
from issues.ours import MOST_PREFIXES
from issues.rules import is_expression

#: What is client-named beyond what is kept apart.
OTHERS = "…"
MOST_SAMPLES = 25
MOST_PATTERNS = 20


def _texts(help_text: str, *, longest: int = MOST_OF_PREFIX, size: int = MOST_PREFIXES) -> ArrayField:  # type: ignore[type-arg]
    return ArrayField(
        models.CharField(max_length=longest),
        default=list,
        db_default=Value([]),
        blank=True,
        size=size,
        help_text=help_text,
    )


class Setting(models.Model):
    """How an organisation's errors are grouped. One without a row has the defaults."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, primary_key=True, related_name="grouping"
    )
    release_key = models.CharField(
        max_length=100,
        default="",
        db_default="",
        blank=True,
        help_text="The metadata key that holds an entry's release, where neither release nor version does.",
    )
    ours = _texts("One a line: beginnings of paths, modules or classes that are your own, whatever they look like.")
    not_ours = _texts("One a line: beginnings of paths, modules or classes of libraries.")
    edition = models.IntegerField(default=0, db_default=0, editable=False)
    former_ours = _texts("", size=MOST_PREFIXES)
    former_not_ours = _texts("", size=MOST_PREFIXES)
    former_edition = models.IntegerField(default=0, db_default=0, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    filters_extensions = models.BooleanField(
        default=False, db_default=False, help_text="Errors in extensions of browsers: kept, but in no group."
    )
    filters_crawlers = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Errors of crawlers, told by their user agent: kept, but in no group.",
    )
    filtered_messages = _texts(
        "One RE2 expression a line: errors whose message it fits are kept, but in no group.",
        longest=200,
        size=MOST_PATTERNS,
    )

    class Meta:
        verbose_name = "grouping of errors"
        verbose_name_plural = "grouping of errors"

    def __str__(self) -> str:
        return f"Grouping of {self.organisation}"

    def clean(self) -> None:
        """Refuse what RE2 cannot read, and what fits every message."""
        wrong = [pattern for pattern in self.filtered_messages if not is_expression(pattern)]
        if wrong:
            raise ValidationError({"filtered_messages": f"RE2 cannot read {wrong[0]}, or it fits an empty message."})


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
