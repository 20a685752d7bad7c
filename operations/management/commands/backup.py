import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations import backups, dump
from storage.errors import Refused, Unavailable
from storage.store import BackupFailed, store


class Command(BaseCommand):
    help = "Write a backup of the whole database, of one moment, while the product runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="that does not exist yet")
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        parser.add_argument(
            "--store-to",
            metavar="PLACE",
            help="where ClickHouse is to write the entries, as it says that: \"Disk('backups', 'monday')\"",
        )
        parser.add_argument("--store-since", metavar="PLACE", help="of an earlier one: write what is not in there")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        path, store_to, since = options["file"], options["store_to"], options["store_since"]
        if since and not store_to:
            raise CommandError("--store-since needs --store-to.")
        try:
            size_bytes = backups.back_up(path, store_to=store_to, since=since) if store_to else dump.back_up(path)
        except (dump.DumpError, BackupFailed, Refused, OSError) as error:
            raise CommandError(str(error)) from error
        except Unavailable as error:
            raise CommandError("ClickHouse is not available, or entries are deleted all the time.") from error
        said = f"{path}: {size_bytes} bytes. Keep SECRET_KEY beside it."
        if store_to:
            said += f" Entries: {store_to}."
        elif store().backup:
            said += " Entries are not in it: see docs/clickhouse.md."
        row = {"file": f"{path}", "size_bytes": size_bytes, "store_to": store_to}
        self.stdout.write(json.dumps(row) if options["json"] else said)
