"""`bin/luminalog rollup`: bring what older versions have stored into the rollups now, not a part every five minutes."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from foundation.arguments import within
from storage import unrolled

MAX_SECONDS = 7 * 86_400


class Command(BaseCommand):
    help = "Bring batches that older versions have stored into the rollups that histograms are counted from."

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
        batches = unrolled.roll_up(budget_seconds=options["seconds"])
        left = len(unrolled.days())
        said = f"{batches:,} batches rolled up; {left} days are left, and counted from entries."
        self.stdout.write(json.dumps({"batches": batches, "days_left": left}) if options["json"] else said)
