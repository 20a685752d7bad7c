"""At whose logs members of staff have looked."""

from django.db import models


class AccessRecord(models.Model):
    """One look of a member of staff at an organisation's logs. Written before the look, never changed.

    `user_id` is 0 for whoever runs a command on the server; `username` is then the operating system's.
    """

    class Action(models.TextChoices):
        SEARCH = "search"
        HISTOGRAM = "histogram"
        FIELDS = "fields"
        ENTRY = "entry"
        CONTEXT = "context"
        TRACE = "trace"
        TAIL = "tail"
        EXPORT = "export"
        DEAD_LETTER = "dead_letter", "dead letter"
        GROUPS = "groups", "error groups"
        GROUP = "group", "error group"
        EVIDENCE = "evidence", "evidence"
        MODEL = "model", "question to a model"
        RECORDING = "recording", "recording"
        MESSAGE = "message", "message that was sent"
        AGGREGATE = "aggregate"
        DASHBOARD = "dashboard"

    at = models.DateTimeField(auto_now_add=True)
    # No foreign keys: the record outlives whom and what it names.
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=150)
    organisation_id = models.BigIntegerField()
    organisation = models.CharField(max_length=60, help_text="Its short name at the time.")
    action = models.CharField(max_length=12, choices=Action.choices)
    query = models.CharField(max_length=2200, blank=True)
    range_start = models.DateTimeField(null=True)
    range_end = models.DateTimeField(null=True)
    subject = models.CharField(
        max_length=140,
        blank=True,
        help_text="An entry's id, or a trace's; dead letters' ids; a group's, a delivery's number; what is measured; "
        "a dashboard and its edition.",
    )
    address = models.GenericIPAddressField(null=True)
    #: What a page calls one look of several requests: a search, its chart, its pages. Null where each has its own.
    look = models.UUIDField(null=True, editable=False)

    class Meta:
        db_table = "explore_accessrecord"  # older than its place here
        ordering = ["-at", "-id"]
        verbose_name = "access record"
        indexes = [
            models.Index(fields=["-at", "-id"], name="access_record_newest"),  # the admin's list
            models.Index(fields=["user_id", "-at"], name="access_record_of_a_user"),  # "what did she look at"
            models.Index(fields=["organisation_id", "-at"], name="access_record_of_a_tenant"),  # "who looked at them"
        ]
        constraints = [
            # The requests of one look find its record, and only the first of them writes it.
            models.UniqueConstraint(
                fields=["user_id", "look"], condition=models.Q(look__isnull=False), name="look_has_one_record"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.action} in {self.organisation}"
