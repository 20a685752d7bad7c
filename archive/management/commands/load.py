"""`bin/luminalog load`: read an archived day back, for some days."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organisation
from archive import loading
from archive.errors import ArchiveError
from archive.place import place
from foundation.arguments import within
from storage import loaded
from storage.errors import Refused

MOST_DAYS = 366


class Command(BaseCommand):
    help = "Read an archived day back, so that it is found again for some days. It is charged and counted nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", type=date.fromisoformat, help="a UTC day of receipt, as 2026-11-26")
        parser.add_argument("--organisation", metavar="SLUG", help="of one organisation; of all that have an archive")
        parser.add_argument(
            "--keep-days", type=within(1, MOST_DAYS), default=7, help="for so many days from now (%(default)s)"
        )
        parser.add_argument("--end", action="store_true", help="take what is loaded of the day out again, now")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        day: date = options["day"]
        if options["end"]:
            self._end(day, options)
            return
        try:
            owners = _organisations(options["organisation"]) or _archived(day)
            if not owners:
                raise CommandError(f"There is no archive of {day}.")
            for organisation in owners:
                self._load(organisation, day, options)
        except ArchiveError as error:
            raise CommandError(str(error)) from error
        except Refused as error:
            raise CommandError(f"The log store does not take it: {error}") from error

    def _load(self, organisation: Organisation, day: date, options: dict[str, Any]) -> None:
        done = loading.load(organisation, day, keep_days=options["keep_days"])
        row = {
            "organisation": organisation.slug, "day": f"{day}", "parts": done.parts, "parts_before": done.before,
            "entries": done.entries, "size_bytes": done.size_bytes, "kept_until": done.kept_until.isoformat(),
        }  # fmt: skip
        there = " (there already)" if done.before == done.parts else ""
        told = f"{organisation.slug}: {done.entries:,} entries of {day} until {done.kept_until:%Y-%m-%d %H:%M}Z{there}"
        self.stdout.write(json.dumps(row) if options["json"] else told)

    def _end(self, day: date, options: dict[str, Any]) -> None:
        for organisation in _organisations(options["organisation"]) or Organisation.objects.order_by("slug"):
            if parts := loaded.end(organisation.pk, day):
                row = {"organisation": organisation.slug, "day": f"{day}", "parts": parts}
                told = f"{organisation.slug}: what was loaded of {day} is taken out."
                self.stdout.write(json.dumps(row) if options["json"] else told)


def _organisations(slug: str | None) -> list[Organisation]:
    found = list(Organisation.objects.filter(slug=slug)) if slug else []
    if slug and not found:
        raise CommandError("There is no such organisation.")
    return found


def _archived(day: date) -> list[Organisation]:
    """Return the organisations that have an archive of this day."""
    owners = [owner for owner, of_day in loading.days(place()) if of_day == day]
    return list(Organisation.objects.filter(pk__in=owners).order_by("slug"))
