"""What a key is good for at a moment, and the lists of keys that need a hand."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import ApiKey

EXPIRES_SOON = timedelta(days=14)
ROTATE_EVERY = timedelta(days=90)


class Standing(StrEnum):
    """The state of a key, the gravest reason first."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    RETIRING = "retiring"
    EXPIRING = "expiring"
    ACTIVE = "active"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by their standing."""

    def in_force(self, *, at: datetime | None = None) -> Self:
        """Neither revoked nor expired; their organisation may be suspended nevertheless."""
        at = at or timezone.now()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True)

    def stragglers(self, *, at: datetime | None = None) -> Self:
        """Rotated keys in force that somebody still used after their successor was there."""
        return self.in_force(at=at).filter(successor__isnull=False, last_used_at__gt=F("successor__created_at"))

    def expiring(self, *, at: datetime | None = None) -> Self:
        """In force for less than 14 days more, and without a successor."""
        at = at or timezone.now()
        return self.in_force(at=at).filter(expires_at__lte=at + EXPIRES_SOON, successor__isnull=True)

    def overdue(self, *, at: datetime | None = None) -> Self:
        """In force and not rotated for 90 days."""
        at = at or timezone.now()
        return self.in_force(at=at).filter(created_at__lte=at - ROTATE_EVERY, successor__isnull=True)

    def overheard(self, *, at: datetime | None = None) -> Self:
        """In force although they were sent over plain HTTP."""
        return self.in_force(at=at).filter(seen_over_plain_http_at__isnull=False)


def standing(api_key: "ApiKey", *, at: datetime | None = None) -> Standing:
    """Return the state of `api_key`; reads its organisation and its successor."""
    at = at or timezone.now()
    if api_key.revoked_at:
        return Standing.REVOKED
    if api_key.expires_at and api_key.expires_at <= at:
        return Standing.EXPIRED
    if api_key.organisation.status == "suspended":
        return Standing.SUSPENDED
    if hasattr(api_key, "successor"):
        return Standing.RETIRING
    if api_key.expires_at and api_key.expires_at <= at + EXPIRES_SOON:
        return Standing.EXPIRING
    return Standing.ACTIVE
