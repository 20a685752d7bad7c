"""Entries that come from PostgreSQL: each run's carry its number, and are shown once the run is over."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from foundation import statements
from foundation.faults import reach
from storage.clickhouse.errors import writing
from storage.clickhouse.keeper import INSERT_SECONDS, PRESENCE, QUORUM, SETTINGS, Keeper, presence_of
from storage.clickhouse.rows import micros
from storage.clickhouse.server import Server
from storage.clickhouse.writer import MUTATION_SECONDS, OF_DAY, SYNC
from storage.found import OwnedEntry
from storage.store import Presence

INSERT = statements.read(__file__, "insert_moved")
OF_RUN = f"{OF_DAY} AND moved = {{run:UInt32}}"
_encode = msgspec.json.Encoder().encode


class Arrivals:
    """What a run has brought of a day."""

    def __init__(self, server: Server, *, run: int, day: date) -> None:
        self._server = server
        self._keeper = Keeper(server)
        self._run = run
        start = datetime.combine(day, time.min, UTC)
        self._day = {"first": micros(start), "end": micros(start + timedelta(days=1)), "run": run}

    def write(self, entries: Sequence[OwnedEntry]) -> None:
        """Store entries; the same ones are stored once, however often. Raises: `Unavailable`, `Refused`."""
        body = b"".join(map(_row, entries))
        token = f"{self._prefix}-{entries[0][1].id}-{entries[-1][1].id}-{len(entries)}"
        settings: dict[str, Any] = {**SETTINGS, "insert_deduplication_token": token, "query_id": f"{token}-1"}
        settings |= QUORUM if self._server.address.cluster else {}
        with writing():
            asked = {"deadline": self._keeper.deadline(), "run": self._run}
            self._server.insert(INSERT, body, asked, settings=settings, seconds=INSERT_SECONDS)
        reach("after_moved_write")

    def deadline(self) -> int:
        """Return until when what is begun now may take effect, by ClickHouse's clock."""
        return self._keeper.deadline()

    def tallies(self) -> Iterator[Presence]:
        """Count what is there, by batch, organisation and time of receipt, in that order."""
        with writing():
            sql = PRESENCE.format(where=OF_RUN)
            for row in self._server.stream(sql, self._day, seconds=MUTATION_SECONDS):
                yield presence_of(row)

    def remove(self, *, deadline: int) -> None:
        """Delete what is there, once nothing can come of what was begun by `deadline`. Raises: `Unavailable` before."""
        self._keeper.fence(self._prefix, deadline=deadline)
        with writing():
            sql = f"DELETE FROM entry WHERE {OF_RUN}"  # noqa: S608 - constants
            self._server.run(sql, self._day, settings=SYNC, seconds=MUTATION_SECONDS)

    def remove_others(self, runs: Collection[int]) -> None:
        """Delete what other runs than these have brought of the day: those that a restored PostgreSQL does not know."""
        where = f"{OF_DAY} AND moved != 0 AND moved NOT IN {{runs:Array(UInt32)}}"
        asked = {**self._day, "runs": sorted(runs)}
        with writing():
            if self._server.rows(f"SELECT count() FROM entry WHERE {where}", asked) != [(0,)]:  # noqa: S608
                sql = f"DELETE FROM entry WHERE {where}"  # noqa: S608 - constants
                self._server.run(sql, asked, settings=SYNC, seconds=MUTATION_SECONDS)

    @property
    def _prefix(self) -> str:
        return f"moved-{self._run}"


def _row(owned: OwnedEntry) -> bytes:
    organisation_id, entry = owned
    row = {
        "organisation_id": organisation_id,
        "timestamp": entry.timestamp,
        "id": entry.id,
        "received": micros(entry.received_at),
        "level": entry.level.value,
        "environment": entry.environment,
        "project": entry.project,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "privacy_mode": entry.privacy_mode,
        "message": entry.message,
        "metadata": entry.metadata,
        "error": entry.error,
        "size_bytes": entry.size_bytes,
        "error_key": entry.error_key,
        "edge": entry.edge,
    }
    return _encode(row) + b"\n"
