import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.dump import DumpError, restore


class Command(BaseCommand):
    help = "Fill an empty database from a backup: whole or not at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="of `luminalog backup`")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            restore(options["file"])
        except DumpError as error:
            raise CommandError(str(error)) from error
        said = "Restored. Run bin/luminalog migrate, then bin/luminalog verify-ledger."
        self.stdout.write(json.dumps({"restored": f"{options['file']}"}) if options["json"] else said)
