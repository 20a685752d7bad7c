"""`bin/luminalog regroup`: put errors into groups that were stored before there were any, or while grouping failed."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from foundation.arguments import within
from issues import regrouping
from storage import ungrouped

MAX_SECONDS = 7 * 86_400


class Command(BaseCommand):
    help = "Put errors into groups that were stored before there were any, or while grouping failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seconds",
            type=within(1, MAX_SECONDS),
            default=MAX_SECONDS,
            metavar="SECONDS",
            help="stop after about so many; the next run goes on from there",
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        batches = regrouping.regroup(budget_seconds=options["seconds"], with_old=True)
        left = ungrouped.count()
        said = f"{batches:,} batches looked into; {left:,} are left."
        self.stdout.write(json.dumps({"batches": batches, "batches_left": left}) if options["json"] else said)
