"""A key as commands print it: as a line for people, as JSON for programs. Never the secret."""

from typing import Any

from accounts.models import ApiKey
from accounts.standing import standing


def describe(api_key: ApiKey) -> dict[str, Any]:
    """Return what staff may know of a key, with values that JSON has."""
    successor = getattr(api_key, "successor", None)
    return {
        "id": api_key.pk,
        "organisation": api_key.organisation.slug,
        "project": api_key.project.slug,
        "name": api_key.name,
        "key": f"{api_key.prefix}…{api_key.suffix}",
        "standing": standing(api_key).value,
        "environment": api_key.environment,
        "scopes": [s for s, may in (("ingest", api_key.can_ingest), ("read", api_key.can_read)) if may],
        "requests_per_minute": api_key.requests_per_minute,
        "allowed_networks": api_key.allowed_networks,
        "invalid_entries": api_key.invalid_entries,
        "minimum_level": api_key.get_minimum_level_display(),
        "created_at": api_key.created_at.isoformat(),
        "expires_at": api_key.expires_at.isoformat() if api_key.expires_at else None,
        "revoked_at": api_key.revoked_at.isoformat() if api_key.revoked_at else None,
        "revoked_reason": api_key.revoked_reason or None,
        "last_used_at": api_key.last_used_at.isoformat() if api_key.last_used_at else None,
        "last_used_address": api_key.last_used_address,
        "successor_id": successor.pk if successor else None,
    }


def line(api_key: ApiKey) -> str:
    """Return one line about a key, in columns."""
    row = describe(api_key)
    used = (row["last_used_at"] or "never")[:16]
    owner = f"{row['organisation']}/{row['project']}"
    return f"{row['id']:>6}  {row['key']}  {row['standing']:<9}  {owner:<32}  {row['name']:<24}  used {used}"
