"""What commands share: the option `--json`, finding a key or an organisation, printing a key, its secret if new."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.life import IssuedKey
from accounts.models import ApiKey, Organisation
from accounts.standing import standing


class AnsweringCommand(BaseCommand):
    """A command that answers people by default and programs with `--json`. Errors go to stderr, with status 1."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def answer(self, options: dict[str, Any], *, text: str, rows: Any) -> None:
        """Print `rows` as JSON when asked to, else `text`."""
        self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) if options["json"] else text)


class KeyCommand(AnsweringCommand):
    """A command that may make a key."""

    def answer_issued(self, options: dict[str, Any], issued: IssuedKey) -> None:
        """Print a new key: the only time that it is seen."""
        rows = {**describe(find(issued.api_key.pk)), "api_key": issued.secret}
        self.answer(options, text=issued.secret, rows=rows)
        if not options["json"]:
            self.stderr.write(f"Key {issued.api_key.pk}. This is the only time it is shown.")


def find(api_key_id: int) -> ApiKey:
    """Return a key with what `describe` reads. Raises: `CommandError`."""
    found = ApiKey.objects.select_related("organisation", "project", "successor").filter(pk=api_key_id).first()
    if found is None:
        raise CommandError(f"There is no key with id {api_key_id}: see `bin/luminalog keys list`.")
    return found


def find_organisation(slug: str) -> Organisation:
    """Return the organisation of this short name. Raises: `CommandError`."""
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organisation {slug}.")
    return found


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
        "kind": api_key.kind,
        "scopes": api_key.scopes,
        "requests_per_minute": api_key.requests_per_minute,
        "allowed_networks": api_key.allowed_networks,
        "allowed_origins": api_key.allowed_origins,
        "daily_bytes": api_key.daily_bytes,
        "keeps_overflow": api_key.keeps_overflow,
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
