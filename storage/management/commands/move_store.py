"""`bin/luminalog move-store`: move the entries that are in PostgreSQL to ClickHouse, while the product runs."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from storage.errors import Refused, Unavailable
from storage.models import Move
from storage.store import mover


class Command(BaseCommand):
    help = (
        "Move the entries that are in PostgreSQL to ClickHouse, a day at a time, while the product runs and finds them."
        " Interrupted, it goes on where it was. There is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--status", action="store_true", help="tell what is left, and move nothing")
        parser.add_argument("--at-most", type=int, metavar="DAYS", help="end after so many days")

    def handle(self, *_arguments: Any, status: bool, at_most: int | None, **_options: Any) -> None:
        try:
            moving = mover()
        except ImproperlyConfigured as error:
            raise CommandError(f"{error}") from error
        days = moving.days()
        if status:
            return self._tell(days)
        try:
            with moving.turn():
                for day in days[:at_most]:
                    self.stdout.write(f"{day}: begun")
                    self.stdout.flush()
                    done = moving.move(day)
                    self.stdout.write(f"{day}: moved, {done.entries:,} entries in this run")
                    self.stdout.flush()
        except moving.Differs as error:
            raise CommandError(
                f"{error}: what came is not what PostgreSQL has; nothing is lost. Run bin/luminalog verify-ledger."
            ) from error
        except moving.Busy as error:
            raise CommandError(f"Not now: {error}. Run this again.") from error
        except Refused as error:
            raise CommandError(f"ClickHouse refused entries: {error.kind}. Nothing is lost.") from error
        except Unavailable as error:
            raise CommandError("ClickHouse is not available. Run this again: it goes on where it was.") from error
        return self._tell(moving.days())

    def _tell(self, days: list[Any]) -> None:
        for run in Move.objects.filter(is_over=False).order_by("day"):
            self.stdout.write(f"{run.day}: {run.entries:,} entries are there, hidden until all are.")
        if days:
            self.stdout.write(f"In PostgreSQL are {len(days)} days still, from {days[0]} to {days[-1]}.")
        else:
            self.stdout.write("All is moved: unset STORE_MOVES_FROM for every process.")
