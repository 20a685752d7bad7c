"""`bin/luminalog prepare`: all that a version needs before its processes start, by one word and in one process."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from operations import presence

Step = tuple[str, dict[str, Any]]
#: In this order: what a later one needs, an earlier one makes.
STEPS: tuple[Step, ...] = (
    ("migrate", {"interactive": False, "skip_checks": False}),
    ("migrate_store", {}),
    ("partitions", {"make": True}),
)
FIRST: Step = ("bootstrap", {})


class Command(BaseCommand):
    help = "Bring database and log store to this version, and make days ahead: all that goes before a start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bootstrap", action="store_true", help="make the first organisation, key and administrator, too"
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        for name, given in (*STEPS, FIRST) if options["bootstrap"] else STEPS:
            call_command(name, stdout=self.stdout, stderr=self.stderr, **given)
        presence.note_start()
