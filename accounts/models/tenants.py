"""Organisations and their projects, and how old an edge's copy of them is."""

from django.db import models
from django.db.models import Q


class Organisation(models.Model):
    """A tenant: nothing of one organisation is ever visible to another."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True, help_text="Short name in addresses and commands.")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    suspended_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = [("suspend_organisation", "Can suspend and resume organisation")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["active", "suspended"]), name="organisation_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status="active") | ~Q(suspended_reason=""), name="suspended_organisation_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Project(models.Model):
    """An application or service of one organisation; every API key belongs to one."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["organisation", "name"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="project_slug_is_unique_in_its_organisation"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} / {self.name}"


class Mirror(models.Model):
    """At an edge: how old what it knows of organisations, keys and rules is. One row."""

    digest = models.CharField(max_length=64)
    confirmed_at = models.DateTimeField(help_text="When the core has said last that this is how it is.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"mirror of {self.confirmed_at}"
