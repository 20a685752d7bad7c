"""End an API key now and for ever."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import life
from accounts.management.answers import KeyCommand, describe, find, line


class Command(KeyCommand):
    help = "Revoke a key: it is refused everywhere within 10 seconds, for ever."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=int, help="of the key, from list_keys")
        parser.add_argument("--reason", required=True, help="for the audit trail")

    def handle(self, *_: Any, **options: Any) -> None:
        if not options["reason"].strip():
            raise CommandError("Say why: --reason is empty.")
        life.revoke(find(options["id"]).pk, reason=options["reason"].strip()[:200])
        revoked = find(options["id"])
        self.answer(options, text=line(revoked), rows=describe(revoked))
