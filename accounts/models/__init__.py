"""Organisations, their projects and API keys; the staff who manage them, and at whose logs they looked."""

from accounts.models.access import AccessRecord
from accounts.models.keys import EXPIRES_SOON, ROTATE_EVERY, ApiKey, ApiKeyQuerySet
from accounts.models.tenants import Mirror, Organisation, Project
from accounts.models.users import User

__all__ = [
    "EXPIRES_SOON",
    "ROTATE_EVERY",
    "AccessRecord",
    "ApiKey",
    "ApiKeyQuerySet",
    "Mirror",
    "Organisation",
    "Project",
    "User",
]
