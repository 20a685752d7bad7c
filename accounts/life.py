"""The life of a key and of an organisation: issue, rotate, revoke, suspend. Admin and commands both come here.

Every step is one conditional change: whoever comes second finds nothing left to change, and never undoes the first.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.keys import digest, make_key
from accounts.models import ApiKey, Organisation, User

GRACE = timedelta(days=7)
#: What a successor takes over from the key that it replaces.
SETTINGS = (
    "organisation_id", "project_id", "name", "environment", "kind", "scopes", "requests_per_minute",
    "allowed_networks", "allowed_origins", "daily_bytes", "keeps_overflow", "invalid_entries", "minimum_level",
)  # fmt: skip


class KeyLifeError(Exception):
    """The step does not fit the key's state; the message says why, for staff."""


@dataclass(frozen=True, kw_only=True)
class IssuedKey:
    """A key and its secret, which exists nowhere else."""

    api_key: ApiKey
    secret: str = field(repr=False)


def issue(draft: ApiKey, *, by: User | None, secret: str | None = None) -> IssuedKey:
    """Save `draft` as a new key of its project, with a new secret unless one is brought along."""
    secret = secret or make_key()
    draft.organisation_id = draft.project.organisation_id
    draft.sha256, draft.prefix, draft.suffix = digest(secret), secret[:7], secret[-4:]
    draft.created_by = by
    draft.save(force_insert=True)
    return IssuedKey(api_key=draft, secret=secret)


@transaction.atomic
def rotate(api_key_id: int, *, by: User | None, grace: timedelta = GRACE) -> IssuedKey:
    """Issue a successor with the same settings; the old key works until `grace` is over, or its own end if sooner.

    A successor of a key that expires lives as long as that was meant to. Raises: `KeyLifeError`.
    """
    now = timezone.now()
    old = ApiKey.objects.select_for_update().get(pk=api_key_id)
    if old.revoked_at or (old.expires_at and old.expires_at <= now):
        raise KeyLifeError("This key has ended already: issue a new one.")
    if ApiKey.objects.filter(rotated_from=old).exists():
        raise KeyLifeError("This key has been rotated already: rotate its successor.")
    draft = ApiKey(rotated_from=old, **{name: getattr(old, name) for name in SETTINGS})
    if old.expires_at:
        draft.expires_at = now + (old.expires_at - old.created_at)
    issued = issue(draft, by=by)
    ends_at = min(now + grace, old.expires_at) if old.expires_at else now + grace
    ApiKey.objects.filter(pk=old.pk).update(expires_at=ends_at)
    audit.record(old, {"expires_at": (old.expires_at, ends_at)})
    return issued


@transaction.atomic
def revoke(api_key_id: int, *, reason: str) -> bool:
    """End the key now and for ever; return whether it was not ended so before."""
    now = timezone.now()
    if not ApiKey.objects.filter(pk=api_key_id, revoked_at=None).update(revoked_at=now, revoked_reason=reason):
        return False
    audit.record(ApiKey.objects.get(pk=api_key_id), {"revoked_at": (None, now), "revoked_reason": ("", reason)})
    return True


@transaction.atomic
def suspend(organisation_id: int, *, reason: str) -> bool:
    """Refuse all keys of the organisation; return whether they were not refused before."""
    active = Organisation.objects.filter(pk=organisation_id, status=Organisation.Status.ACTIVE)
    return _set_status(active, status=Organisation.Status.SUSPENDED, reason=reason)


@transaction.atomic
def resume(organisation_id: int) -> bool:
    """Let the organisation's keys in again; return whether they were refused before."""
    suspended = Organisation.objects.filter(pk=organisation_id, status=Organisation.Status.SUSPENDED)
    return _set_status(suspended, status=Organisation.Status.ACTIVE, reason="")


def _set_status(found: QuerySet[Organisation], *, status: Organisation.Status, reason: str) -> bool:
    organisation = found.select_for_update().first()
    if organisation is None:
        return False
    found.update(status=status, suspended_reason=reason)
    audit.record(
        organisation,
        {"status": (organisation.status, status.value), "suspended_reason": (organisation.suspended_reason, reason)},
    )
    return True
