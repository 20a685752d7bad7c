"""`bin/luminalog scrub --stored`: bring what is stored to today's privacy rules."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from accounts.management.answers import find_organisation
from accounts.models import Organisation
from foundation.command_line import NOT_UNDERSTOOD
from operations.erasures.counting import count
from operations.erasures.doing import doing_of
from operations.management.erasing import BACKUPS, ErasingCommand, as_row, told
from operations.models import Erasure
from storage.store import store


class Command(ErasingCommand):
    help = "Count what today's privacy rules would change of what is stored; with --yes, change it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--stored", action="store_true", help="entries in the log store, and dead letters")
        parser.add_argument("--organisation", metavar="SLUG", help="whose; without it, everybody's")
        parser.add_argument("--yes", action="store_true", help="change them")
        parser.add_argument("--json", action="store_true", help="one JSON object a line, an organisation each")

    def run(self, options: dict[str, Any]) -> None:
        if not options["stored"]:
            raise CommandError(
                "What comes in is scrubbed by itself. What is there: --stored", returncode=NOT_UNDERSTOOD
            )
        slug = options["organisation"]
        chosen = [find_organisation(slug)] if slug else list(Organisation.objects.order_by("slug"))
        changes = options["yes"] and store().eraser.can_rewrite
        for organisation in chosen:
            (self._scrub if changes else self._show)(organisation, as_json=options["json"])
        if options["json"]:
            return
        if options["yes"] and not changes:
            self.stdout.write("Nothing was changed: this log store cannot rewrite entries. They go with retention.")
        elif not changes:
            self.stdout.write("Nothing was changed. With --yes it is.")
        self.stdout.write(BACKUPS)

    def _show(self, organisation: Organisation, *, as_json: bool) -> None:
        counts = count(organisation.pk, doing_of(Erasure.Kind.RULES, "", organisation.pk))
        if as_json:
            self.stdout.write(json.dumps({"organisation": organisation.slug, **asdict(counts)}))
            return
        self.stdout.write(f"{organisation.slug}, by today's rules would change:")
        for name, number in told(counts):
            self.stdout.write(f"{number:>12,} {name}")

    def _scrub(self, organisation: Organisation, *, as_json: bool) -> None:
        erasure = self.erase(organisation, kind=Erasure.Kind.RULES)
        if as_json:
            self.stdout.write(json.dumps(as_row(erasure)))
            return
        done = f"{erasure.entries:,} entries and {erasure.letters:,} of dead letters were changed"
        self.stdout.write(f"{organisation.slug}: {done}.")
        for name, number in sorted(erasure.elsewhere.items()):
            self.stdout.write(f"{number:>12,} {name}")
