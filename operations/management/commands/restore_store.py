import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.backups import restore_store
from storage.errors import Refused, Unavailable
from storage.store import BackupFailed


class Command(BaseCommand):
    help = (
        "Fill an empty ClickHouse from a backup, and take out what PostgreSQL, restored before, does not know to be"
        " stored: both are of one point then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "place", nargs="?", help="of `luminalog backup --store-to`; without one, go on where this was interrupted"
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            batches = restore_store(options["place"])
        except (BackupFailed, Refused) as error:
            raise CommandError(str(error)) from error
        except Unavailable as error:
            raise CommandError("ClickHouse is not available.") from error
        said = f"Restored. Taken out: {batches} batches that were stored after PostgreSQL's backup."
        self.stdout.write(json.dumps({"taken_out": batches}) if options["json"] else said)
