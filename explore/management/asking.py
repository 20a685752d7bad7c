"""What `search` and `tail` share: whose logs, the query, a record of the look, and how entries are printed."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from accounts import looks
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from explore.grouped import grouped_by
from explore.hashed import hashed_by
from explore.query import Node, QueryError, parse
from explore.search import FoundEntry
from explore.terminal import as_json_line, as_line
from foundation.command_line import NO_ANSWER, NOT_UNDERSTOOD
from foundation.refusals import Refusal
from foundation.stopping import run_until_stopped
from privacy.recorded import as_recorded

QUERY_CHARACTERS = 2200


class LogsCommand(BaseCommand):
    """A command that prints entries. Those below say which."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", nargs="*", help="as in the explorer: level:>=warn userId:123 (docs/search.md)")
        parser.add_argument("--organisation", metavar="SLUG", help="whose logs; needed where there are several")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            run_until_stopped(lambda: self._print(options))
        except Refusal as error:
            raise CommandError(error.detail) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError("PostgreSQL does not answer.", returncode=NO_ANSWER) from error

    def _print(self, options: dict[str, Any]) -> None:
        coloured = self.style.SUCCESS("x") != "x"  # Django knows terminals and --no-color
        organisation = _organisation(options["organisation"])
        query = _query(" ".join(options["query"]), organisation.pk)
        for entry in self.asked(organisation, query, options):
            line = as_json_line(entry) if options["json"] else as_line(entry, coloured=coloured)
            self.stdout.write(line)

    def asked(self, organisation: Organisation, query: Node, options: dict[str, Any]) -> Iterator[FoundEntry]:
        """Yield what is to be printed."""
        raise NotImplementedError


def record(action: AccessRecord.Action, organisation: Organisation, options: dict[str, Any]) -> None:
    """Record that whoever sits at the server is about to look."""
    text = as_recorded(" ".join(options["query"]), organisation.pk)[:QUERY_CHARACTERS]
    look = Look(action=action, query=text, start=options.get("start"), end=options.get("end"))
    looks.record_each(look, by=looks.at_the_server(), organisation_ids=[organisation.pk])


def _organisation(slug: str | None) -> Organisation:
    if slug is None:
        known = list(Organisation.objects.order_by("slug")[:11])
        if len(known) == 1:
            return known[0]
        names = ", ".join(one.slug for one in known[:10]) + (" …" if known[10:] else "")
        raise CommandError(f"Whose logs? --organisation SLUG; there are: {names or 'none'}", returncode=NOT_UNDERSTOOD)
    try:
        return Organisation.objects.get(slug=slug)
    except Organisation.DoesNotExist as error:
        raise CommandError("There is no such organisation.") from error


def _query(text: str, organisation_id: int) -> Node:
    try:
        return parse(text, hashed=hashed_by(organisation_id), grouped=grouped_by(organisation_id))
    except QueryError as error:
        raise CommandError(f"{error.message} (at character {error.position})", returncode=NOT_UNDERSTOOD) from error
