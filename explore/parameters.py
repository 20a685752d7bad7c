"""The query parameters of a request to read logs."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from explore import cursors
from explore.grouped import grouped_by
from explore.hashed import hashed_by
from explore.query import Node, QueryError, parse
from explore.search import Search
from foundation import parameters
from foundation.once import once
from foundation.refusals import Refusal
from storage.search import earlier

#: Asking the disk for all names takes some milliseconds.
zone_names = once(available_timezones)
DEFAULT_RANGE = timedelta(hours=1)


class Parameters(parameters.Parameters):
    """The parameters of one request. Every method raises `Refusal`."""

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
            text = self.given.get("query", "")
            return parse(text, hashed=hashed_by(organisation_id), grouped=grouped_by(organisation_id))
        except QueryError as error:
            raise Refusal("invalid_query", error.message, members={"position": error.position}) from error

    def search(self, organisation_id: int) -> Search:
        """Return the search; a cursor brings the range of the page that it continues.

        Where a moment is asked about, the usual range begins as long before it as it ends after.
        """
        start, end = self.moment("from"), self.moment("to")
        cursor = self.text("cursor")
        if cursor and start is None and end is None:
            page = cursors.read(cursor, organisation_id=organisation_id)
            start, end = page.start, page.end
        end = end or datetime.now(UTC)
        since = self.moment("since")
        start = start or earlier(end, by=2 * (end - since) if since and since < end else DEFAULT_RANGE)
        if start >= end:
            raise Refusal("invalid_parameter", "from must be earlier than to.")
        return Search(organisation_id, self.query(organisation_id), start, end)
