"""The days of receipt in ClickHouse: partitions, which come with their first entry. See `storage.store.EntryDays`."""

from datetime import date

from storage.clickhouse.errors import writing
from storage.clickhouse.server import Server
from storage.store import DAYS_AHEAD, StoredDay

STORED = """
SELECT partition, sum(rows), sum(bytes_on_disk) FROM system.parts
 WHERE active AND rows > 0 AND database = {database:String} AND table = 'entry' GROUP BY partition ORDER BY partition
"""
DROP_SECONDS = 120


class Days:
    """See `storage.store.EntryDays`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def stored(self) -> list[StoredDay]:
        """Return the days of which a part holds anything; what was deleted is counted until a merge takes it away."""
        with writing():
            rows = self._server.rows(STORED, {"database": self._server.address.database})
        return [StoredDay(date.fromisoformat(day), entries, size_bytes) for day, entries, size_bytes in rows]

    def ahead(self) -> int:
        """Return how many days ahead there is a place for: they need none."""
        return DAYS_AHEAD

    def make_ahead(self, days: int) -> list[date]:  # noqa: ARG002 - the interface's
        """Return what was made: nothing is missing."""
        return []

    def drop_before(self, day: date) -> None:
        """Drop the partitions of the days before `day`."""
        database, cluster = self._server.address.database, self._server.address.cluster
        on_cluster = f"ON CLUSTER `{cluster}`" if cluster else ""
        for old in [stored.day for stored in self.stored() if stored.day < day]:
            sql = f"ALTER TABLE {database}.entry {on_cluster} DROP PARTITION ID '{old:%Y%m%d}'"
            with writing():
                self._server.run(sql, seconds=DROP_SECONDS)

    def index_closed(self, *, limit: int) -> list[date]:  # noqa: ARG002 - the interface's
        """Return what was indexed: every part has its indexes from the start."""
        return []
