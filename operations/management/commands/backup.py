import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.dump import DumpError, back_up


class Command(BaseCommand):
    help = "Write a backup of the whole database, of one moment, while the product runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="that does not exist yet")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            size_bytes = back_up(options["file"])
        except (DumpError, OSError) as error:
            raise CommandError(str(error)) from error
        said = f"{options['file']}: {size_bytes} bytes. Keep SECRET_KEY beside it."
        row = {"file": f"{options['file']}", "size_bytes": size_bytes}
        self.stdout.write(json.dumps(row) if options["json"] else said)
