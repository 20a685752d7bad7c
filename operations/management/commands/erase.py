"""`bin/luminalog erase`: take out of an organisation's logs what a query finds, or all that a value stands in."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from accounts.management.answers import find_organisation
from foundation.command_line import NOT_UNDERSTOOD
from operations.erasures.counting import Counts, count
from operations.erasures.doing import doing_of
from operations.management.erasing import BACKUPS, ErasingCommand, as_row, told
from operations.models import Erasure

LISTED = 50


class Command(ErasingCommand):
    help = "Count what would be erased for ever; with --yes, erase it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", nargs="?", help="as in the explorer: userId:123 (docs/search.md); -: read it")
        parser.add_argument("--organisation", metavar="SLUG", help="whose logs")
        parser.add_argument("--value", action="store_true", help="it is no query, but a value, wherever it stands")
        parser.add_argument("--all", action="store_true", help="everything of an organisation that has gone")
        parser.add_argument("--reference", default="", metavar="TEXT", help="your number of the request, kept for ever")
        parser.add_argument("--yes", action="store_true", help="erase it")
        parser.add_argument("--no-wait", action="store_true", help="leave it to the workers")
        parser.add_argument("--list", action="store_true", help="show the newest erasures, and how far they are")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def run(self, options: dict[str, Any]) -> None:
        if options["list"]:
            self._list(as_json=options["json"])
            return
        wanted = sys.stdin.readline().rstrip("\n") if options["query"] == "-" else options["query"]
        if bool(wanted) == options["all"] or (options["all"] and options["value"]) or not options["organisation"]:
            raise CommandError(
                "Say whose and what: --organisation SLUG 'userId:123', or --all", returncode=NOT_UNDERSTOOD
            )
        organisation = find_organisation(options["organisation"])
        kind = _kind(options)
        if not options["yes"]:
            self._show(count(organisation.pk, doing_of(kind, wanted or "", organisation.pk)), as_json=options["json"])
            return
        reference, waits = options["reference"], not options["no_wait"]
        if waits and kind == Erasure.Kind.ALL:
            self.stderr.write(
                "It begins a minute after it was asked for or confirmed. Ctrl-C leaves it to the workers."
            )
        erasure = self.erase(organisation, kind=kind, wanted=wanted or "", reference=reference, waits=waits)
        if options["json"]:
            self.stdout.write(json.dumps(as_row(erasure)))
        elif erasure.status == Erasure.Status.ASKED:
            self.stdout.write(f"Erasure {erasure.pk} waits: somebody else has to confirm it in the console.")
        else:
            self._tell(erasure)

    def _show(self, counts: Counts, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(counts)))
            return
        for name, number in told(counts):
            self.stdout.write(f"{number:>12,} {name}")
        self.stdout.write(f"Nothing was changed. With --yes it is erased for ever. {BACKUPS}")

    def _tell(self, erasure: Erasure) -> None:
        elsewhere = "".join(f", {number} {name}" for name, number in erasure.elsewhere.items())
        done = f"{erasure.entries:,} entries and {erasure.letters:,} of dead letters{elsewhere}"
        self.stdout.write(f"Erasure {erasure.pk} is {erasure.get_status_display().lower()}: {done}.")
        if erasure.unreadable:
            self.stdout.write(f"Nobody can read {erasure.unreadable} dead letters: what they hold is not known.")
        self.stdout.write(BACKUPS)

    def _list(self, *, as_json: bool) -> None:
        rows = [as_row(one) for one in Erasure.objects.select_related("organisation")[:LISTED]]
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write("  ".join(f"{name}={value}" for name, value in row.items() if value not in ("", None)))
        self.stdout.write(f"{len(rows)} erasures")


def _kind(options: dict[str, Any]) -> str:
    if options["all"]:
        return Erasure.Kind.ALL
    return Erasure.Kind.VALUE if options["value"] else Erasure.Kind.QUERY
