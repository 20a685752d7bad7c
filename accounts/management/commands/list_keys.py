"""List API keys."""

from argparse import ArgumentParser
from typing import Any

from accounts.management.answers import KeyCommand, describe, line
from accounts.models import ApiKey


class Command(KeyCommand):
    help = "List API keys, the newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--organisation", help="slug: only its keys")
        parser.add_argument("--in-force", action="store_true", help="leave out what is revoked or expired")

    def handle(self, *_: Any, **options: Any) -> None:
        keys = ApiKey.objects.select_related("organisation", "project", "successor")
        if options["organisation"]:
            keys = keys.filter(organisation__slug=options["organisation"])
        if options["in_force"]:
            keys = keys.in_force()
        rows = list(keys)
        text = "\n".join(line(api_key) for api_key in rows) or "There are no keys."
        self.answer(options, text=text, rows=[describe(api_key) for api_key in rows])
