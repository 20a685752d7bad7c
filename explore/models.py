"""Saved searches and the access log: what staff keep of the explorer, and who looked at what."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Explorer(models.Model):
    """No table: the explorer's place in the admin, and the permission to use it."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_logs", "Can look at log entries")]
        verbose_name = verbose_name_plural = "explorer"

    def __str__(self) -> str:
        return "explorer"


class SavedSearch(models.Model):
    """A query that somebody keeps, for one organisation; shared ones are offered to everybody who may view logs."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    is_shared = models.BooleanField("shared", default=False)
    query = models.CharField(max_length=2000, blank=True)
    levels = models.CharField(max_length=60, blank=True, help_text="Names separated by commas. Empty: all.")
    time_range = models.CharField(max_length=80, blank=True, help_text="Like 24h, or two times separated by a slash.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "saved searches"
        constraints = [
            # Serves the menu: a person's own searches of an organisation.
            models.UniqueConstraint(fields=["owner", "organisation", "name"], name="saved_search_name_is_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_search_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class AccessRecord(models.Model):
    """One look of a member of staff at an organisation's logs. Written before the look, never changed."""

    class Action(models.TextChoices):
        SEARCH = "search"
        HISTOGRAM = "histogram"
        FIELDS = "fields"
        ENTRY = "entry"
        CONTEXT = "context"
        TRACE = "trace"
        TAIL = "tail"
        EXPORT = "export"

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
    subject = models.CharField(max_length=140, blank=True, help_text="The entry's id, or the trace's.")
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "look at logs"
        verbose_name_plural = "looks at logs"
        indexes = [
            models.Index(fields=["-at", "-id"], name="access_record_newest"),  # the admin's list
            models.Index(fields=["user_id", "-at"], name="access_record_of_a_user"),  # "what did she look at"
            models.Index(fields=["organisation_id", "-at"], name="access_record_of_a_tenant"),  # "who looked at them"
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.action} in {self.organisation}"
