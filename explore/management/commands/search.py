"""`luminalog search`: what is stored of an organisation's logs, in a terminal."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from accounts.models import AccessRecord, Organisation
from explore.management.asking import LogsCommand, record
from explore.query import Node
from explore.search import MAX_ENTRIES, FoundEntry, Search, find

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)


class Command(LogsCommand):
    help = "Print what is stored of an organisation's logs, the oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--from", dest="start", type=moment, default="1h", help="a time, or how long ago (1h)")
        parser.add_argument("--to", dest="end", type=moment, default="0s", help="a time, or how long ago (now)")
        parser.add_argument("--limit", type=limit, default=100, help="the newest so many, up to 1000 (%(default)s)")
        parser.add_argument("--all", action="store_true", help="all that is found, however much")

    def asked(self, organisation: Organisation, query: Node, options: dict[str, Any]) -> Iterator[FoundEntry]:
        search = Search(organisation.pk, query, options["start"], options["end"])
        action = AccessRecord.Action.EXPORT if options["all"] else AccessRecord.Action.SEARCH
        record(action, organisation, options)
        return every(search) if options["all"] else newest(search, limit=options["limit"])


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
