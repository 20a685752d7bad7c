"""What a key is good for at a moment."""

from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from accounts.models import EXPIRES_SOON, ApiKey, Organisation


class Standing(StrEnum):
    """The state of a key, the gravest reason first."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    RETIRING = "retiring"
    EXPIRING = "expiring"
    ACTIVE = "active"


def standing(api_key: ApiKey, *, at: datetime | None = None) -> Standing:
    """Return the state of `api_key`; reads its organisation and its successor."""
    at = at or timezone.now()
    if api_key.revoked_at:
        return Standing.REVOKED
    if api_key.expires_at and api_key.expires_at <= at:
        return Standing.EXPIRED
    if api_key.organisation.status == Organisation.Status.SUSPENDED:
        return Standing.SUSPENDED
    if hasattr(api_key, "successor"):
        return Standing.RETIRING
    if api_key.expires_at and api_key.expires_at <= at + EXPIRES_SOON:
        return Standing.EXPIRING
    return Standing.ACTIVE
