"""The explorer's place in the admin, the searches that staff save, and the dashboards that they make."""

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
    columns = models.CharField(
        max_length=600,
        blank=True,
        db_default="",
        default="",
        help_text="As in the address, behind columns=. Empty: the usual.",
    )
    order = models.CharField(max_length=4, blank=True, db_default="", default="", choices=[("asc", "oldest first")])
    is_wrapped = models.BooleanField("wrapped lines", default=False, db_default=False)
    view = models.CharField(
        max_length=2000,
        blank=True,
        db_default="",
        default="",
        help_text="How it is shown, as in the address from show= on. Empty: as a list.",
    )
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


class Dashboard(models.Model):
    """Panels that somebody has put together for one organisation; `explore.dashboards.document` says of what."""

    class Access(models.TextChoices):
        PRIVATE = "private", "only the owner"
        SHARED = "shared", "everybody who may see dashboards looks"
        OPEN = "open", "everybody who may change dashboards changes it"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="dashboards"
    )
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="dashboards")
    title = models.CharField(max_length=80)
    access = models.CharField(max_length=8, choices=Access.choices, default=Access.PRIVATE)
    document = models.JSONField(help_text="Panels, range and variables, without the title.")
    edition = models.PositiveIntegerField(
        default=1, help_text="Counts its changes: nobody overwrites what they have not seen."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["title", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="dashboard_has_a_title"),
            models.CheckConstraint(
                condition=Q(access__in=["private", "shared", "open"]), name="dashboard_access_is_known"
            ),
        ]

    def __str__(self) -> str:
        """For the audit trail, which keeps no words of theirs."""
        return f"dashboard {self.pk}"
