"""What the key commands share: the option `--json`, finding a key, printing a new one."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.life import IssuedKey
from accounts.listing import describe
from accounts.models import ApiKey


class KeyCommand(BaseCommand):
    """A command that answers people by default and programs with `--json`. Errors go to stderr, with status 1."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def answer(self, options: dict[str, Any], *, text: str, rows: Any) -> None:
        """Print `rows` as JSON when asked to, else `text`."""
        self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) if options["json"] else text)

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
        raise CommandError(f"There is no key with id {api_key_id}: see `manage.py list_keys`.")
    return found
