"""`bin/luminalog partitions`: show the daily partitions, or make those of the days to come."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from foundation.arguments import within
from storage.store import DAYS_AHEAD, MINIMUM_DAYS_AHEAD, store

#: As far as anybody looks.
MAX_DAYS_AHEAD = 400


class Command(BaseCommand):
    help = "Show the daily partitions of the log store, or make those of the days to come."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--make", action="store_true", help="make the missing ones first")
        parser.add_argument(
            "--days", type=within(0, MAX_DAYS_AHEAD), default=DAYS_AHEAD, help="how many days ahead (%(default)s)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        days = store().days
        made = days.make_ahead(options["days"]) if options["make"] else []
        listed, ahead = days.stored(), days.ahead()
        if options["json"]:
            rows = [{"day": f"{p.day}", "entries": p.entries, "size_bytes": p.size_bytes} for p in listed]
            self.stdout.write(json.dumps({"days_ahead": ahead, "made": [f"{day}" for day in made], "partitions": rows}))
            return
        for partition in listed:
            mark = " (new)" if partition.day in made else ""
            self.stdout.write(
                f"{partition.day}  {partition.entries:>14,} entries  {partition.size_bytes:>16,} bytes{mark}"
            )
        self.stdout.write(f"{ahead} days ahead (at least {MINIMUM_DAYS_AHEAD} are needed)")
