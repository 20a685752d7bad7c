"""The query parameters of a request to read, checked one by one: what is wrong is said by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from explore import cursors
from explore.hashed import hashed_by
from explore.query import Node, QueryError, parse
from explore.search import Search
from foundation.once import once
from foundation.refusals import Refusal
from storage.search import earlier

#: Asking the disk for all names takes some milliseconds.
zone_names = once(available_timezones)
DEFAULT_RANGE = timedelta(hours=1)


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request. Every method raises `Refusal`."""

    given: Mapping[str, str]

    def refuse_others_than(self, names: Collection[str]) -> None:
        """Refuse a misspelt name, which would silently change the question."""
        if not set(self.given) <= set(names):
            raise Refusal("invalid_parameter", f"The parameters are {', '.join(sorted(names))}.")

    def text(self, name: str) -> str | None:
        """Return a text, or None when it is absent or empty."""
        return self.given.get(name) or None

    def number(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """Return a whole number between two bounds."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and lowest <= int(text) <= highest):
            raise Refusal("invalid_parameter", f"{name} must be a whole number from {lowest} to {highest}.")
        return int(text)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`, by default the first."""
        text = self.text(name) or choices[0]
        if text not in choices:
            raise Refusal("invalid_parameter", f"{name} must be one of {', '.join(choices)}.")
        return text

    def moment(self, name: str) -> datetime | None:
        """Return a time in UTC; without an offset it is UTC."""
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Refusal(
                "invalid_parameter", f"{name} must be an RFC 3339 date and time; write + as %2B in an address."
            ) from error

    def zone(self) -> ZoneInfo | None:
        """Return a time zone by its IANA name, or None when none is asked for."""
        name = self.text("zone")
        if name is None:
            return None
        if name not in zone_names():
            raise Refusal("invalid_parameter", "zone must be the name of a time zone, like Europe/Berlin.")
        return ZoneInfo(name)

    def query(self, organisation_id: int) -> Node:
        """Return what the query means of an organisation's entries; absent, it matches every entry."""
        try:
            return parse(self.given.get("query", ""), hashed=hashed_by(organisation_id))
        except QueryError as error:
            raise Refusal("invalid_query", error.message, members={"position": error.position}) from error

    def search(self, organisation_id: int) -> Search:
        """Return the search; a cursor brings the range of the page that it continues."""
        start, end = self.moment("from"), self.moment("to")
        cursor = self.text("cursor")
        if cursor and start is None and end is None:
            page = cursors.read(cursor, organisation_id=organisation_id)
            start, end = page.start, page.end
        end = end or datetime.now(UTC)
        start = start or earlier(end, by=DEFAULT_RANGE)
        if start >= end:
            raise Refusal("invalid_parameter", "from must be earlier than to.")
        return Search(organisation_id, self.query(organisation_id), start, end)
