"""`bin/luminalog migrate-store`: make what entries are kept in outside of PostgreSQL, or bring it up to date."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from storage.errors import Refused, Unavailable
from storage.store import store
from storage.wall import State


class Command(BaseCommand):
    help = "Make the table of entries in ClickHouse, or bring it up to date; with PostgreSQL there is nothing to do."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        try:
            done = store().migrate()
        except Refused as error:
            raise CommandError(f"The log store refused a statement: {error.reason}.") from error
        except Unavailable as error:
            raise CommandError("The log store is not available: is STORE_URL right, and the server up?") from error
        for name in done:
            self.stdout.write(name)
        if not done:
            self.stdout.write("The log store is up to date.")
        if store().reader.wall() is not State.STANDS:
            self.stderr.write("No wall keeps readers of different organisations apart: run bin/luminalog doctor.")
