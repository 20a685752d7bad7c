"""`bin/luminalog dead-letters`: list what the log store refused, export it, or put it back into the spool."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import looks
from accounts.looks import Look
from accounts.models import AccessRecord
from ingest.models import DeadLetter
from ingest.spool import dead_letters

COLUMNS = ["id", "batch_id", "position", "organisation_id", "project", "entries", "size_bytes", "reason"]


class Command(BaseCommand):
    help = "List dead letters, export their entries as NDJSON, or replay them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--replay", nargs="*", type=int, metavar="ID", help="put these back into the spool; none: all"
        )
        what.add_argument("--export", action="store_true", help="print their entries, one JSON object a line")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        letters = DeadLetter.objects.order_by("id")
        if options["replay"] is not None:
            chosen = options["replay"] or list(letters.values_list("pk", flat=True))
            count = dead_letters.replay(chosen)
            said = f"{count} dead letters put back into the spool"
            self.stdout.write(json.dumps({"replayed": count}) if options["json"] else said)
        elif options["export"]:
            look = Look(action=AccessRecord.Action.EXPORT, subject=dead_letters.called(letters))
            whose = letters.values_list("organisation_id", flat=True)
            looks.record_each(look, by=looks.at_the_server(), organisation_ids=whose)
            for text in dead_letters.exported(letters.values_list("pk", flat=True).iterator()):
                self.stdout.write(text, ending="")
        elif options["json"]:
            self.stdout.write(json.dumps(list(letters.values(*COLUMNS))))
        else:
            self._show(letters)

    def _show(self, letters: Any) -> None:
        for row in letters.values(*COLUMNS):
            self.stdout.write("  ".join(f"{name}={value}" for name, value in row.items()))
        self.stdout.write(f"{letters.count()} dead letters")
