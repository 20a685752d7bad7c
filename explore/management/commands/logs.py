"""`manage.py logs search` and `logs tail`: an organisation's logs in a terminal."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from accounts import looks
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from explore.follow import follow
from explore.query import Node, QueryError, parse
from explore.search import MAX_ENTRIES, FoundEntry, Search, find
from explore.terminal import as_json_line, as_line
from foundation.refusals import Refusal
from foundation.stopping import until_stopped

Action = AccessRecord.Action
QUERY_CHARACTERS = 2200

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)


class Command(BaseCommand):
    help = "Search an organisation's logs, or wait for new ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        search = commands.add_parser("search", help="print what is stored, the oldest first")
        _add_common(search)
        search.add_argument("--from", dest="start", type=moment, default="1h", help="a time, or how long ago (1h)")
        search.add_argument("--to", dest="end", type=moment, default="0s", help="a time, or how long ago (now)")
        search.add_argument("--limit", type=limit, default=100, help="the newest so many, up to 1000 (%(default)s)")
        search.add_argument("--all", action="store_true", help="all that is found, however much")
        _add_common(commands.add_parser("tail", help="print what is stored from now on, until Ctrl-C"))

    def handle(self, *_arguments: Any, **options: Any) -> None:
        write = self._writer(as_json=options["json"])
        try:
            with until_stopped():
                for entry in _asked(options):
                    write(entry)
        except Refusal as error:
            raise CommandError(error.detail) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError("PostgreSQL does not answer.") from error

    def _writer(self, *, as_json: bool) -> Callable[[FoundEntry], None]:
        coloured = self.style.SUCCESS("x") != "x"  # Django knows terminals, --no-color and NO_COLOR
        return lambda entry: self.stdout.write(as_json_line(entry) if as_json else as_line(entry, coloured=coloured))


def moment(text: str) -> datetime:
    """Read a time in RFC 3339, or an age such as 15m, 2h or 7d."""
    ago = AGO.fullmatch(text)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError("write a time as 2026-01-26T14:30:00Z, or an age as 15m, 2h, 7d") from error


def limit(text: str) -> int:
    """Read how many entries to print."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_ENTRIES):
        raise ArgumentTypeError(f"write a number from 1 to {MAX_ENTRIES}, or --all")
    return int(text)


def newest(search: Search, *, limit: int) -> Iterator[FoundEntry]:
    """Yield the newest entries that `search` finds, the oldest of them first.

    Where they are too large to be held together, they are gone through twice: to find the first, and to show them.
    """
    page = find(search, limit=limit)
    if len(page.entries) == limit or page.next_cursor is None:
        return reversed(page.entries)
    last, left = page.entries[-1], limit - len(page.entries)
    while left and page.next_cursor:
        page = find(search, limit=left, cursor=page.next_cursor)
        last, left = page.entries[-1] if page.entries else last, left - len(page.entries)
    return islice(every(replace(search, start=last.timestamp), first=last), limit - left)


def every(search: Search, *, first: FoundEntry | None = None) -> Iterator[FoundEntry]:
    """Yield all that `search` finds, the oldest first; from `first` on."""
    cursor: str | None = None
    while True:
        page = find(search, limit=MAX_ENTRIES, cursor=cursor, newest_first=False)
        yield from (entry for entry in page.entries if first is None or entry.position >= first.position)
        cursor = page.next_cursor
        if cursor is None:
            return


def _add_common(parser: ArgumentParser) -> None:
    parser.add_argument("query", nargs="*", help="as in the explorer: level:>=warn userId:123 (docs/search.md)")
    parser.add_argument("--organisation", required=True, metavar="SLUG", help="whose logs")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _asked(options: dict[str, Any]) -> Iterator[FoundEntry]:
    organisation_id, query = _organisation_id(options["organisation"]), _query(" ".join(options["query"]))
    if options["command"] == "tail":
        _record(Action.TAIL, organisation_id, options)
        return follow(organisation_id, query)
    search = Search(organisation_id, query, options["start"], options["end"])
    _record(Action.EXPORT if options["all"] else Action.SEARCH, organisation_id, options)
    return every(search) if options["all"] else newest(search, limit=options["limit"])


def _record(action: Action, organisation_id: int, options: dict[str, Any]) -> None:
    """Record that whoever sits at the server is about to look."""
    text = " ".join(options["query"])[:QUERY_CHARACTERS]
    look = Look(action=action, query=text, start=options.get("start"), end=options.get("end"))
    looks.record_each(look, by=looks.at_the_server(), organisation_ids=[organisation_id])


def _organisation_id(slug: str) -> int:
    try:
        return Organisation.objects.get(slug=slug).pk
    except Organisation.DoesNotExist as error:
        raise CommandError("There is no such organisation.") from error


def _query(text: str) -> Node:
    try:
        return parse(text)
    except QueryError as error:
        raise CommandError(f"{error.message} (at character {error.position})") from error
