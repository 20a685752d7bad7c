"""What the spool asks before it forgets: writing by a token, what is there, and that nothing more can come.

One call is one INSERT, one block, and one token: sent again it is stored once, as long as the server knows the token.
"""

from collections.abc import Sequence

from foundation import statements
from foundation.faults import reach
from storage.batch import ENTRIES_A_BATCH, Batch, BatchHead
from storage.clickhouse.errors import writing
from storage.clickhouse.lines import body_of
from storage.clickhouse.rows import at, micros, moment
from storage.clickhouse.server import Server
from storage.errors import Unavailable
from storage.store import Presence
from storage.tally import Tally

INSERT = statements.read(__file__, "insert_entries")
#: Of a block, whatever a server's own defaults are; one more row would be a second one, which a token does not cover.
BLOCK_ENTRIES = 1_048_449
#: A quarter of that: a body of some hundred megabytes at most.
GROUP_ENTRIES = 262_144
#: For so long after it is prepared an insert may still begin, by ClickHouse's clock.
DEADLINE_SECONDS = 30
INSERT_SECONDS = 60
#: Between the clocks of two replicas: one that begins an insert, and one that is asked whether it still may.
CLOCKS_APART_SECONDS = 5
#: All of them with every insert: without any of these a block may become two, or not be told from another.
SETTINGS = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "max_insert_block_size": BLOCK_ENTRIES,
    "min_insert_block_size_rows": BLOCK_ENTRIES,
    "min_insert_block_size_bytes": 268_435_456,
    "max_insert_threads": 1,
    "max_threads": 1,
    "input_format_parallel_parsing": 0,
    "max_partitions_per_insert_block": 100,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_null_as_default": 1,
}
QUORUM = {"insert_quorum": 2, "insert_quorum_parallel": 1, "insert_quorum_timeout": 45_000}
PRESENCE = f"""
SELECT intDiv(id, {ENTRIES_A_BATCH}) AS batch, organisation_id, toUnixTimestamp64Micro(received_at), count(),
       sum(times), sum(size), countIf(is_keyed)
  FROM (SELECT id, organisation_id, received_at, count() AS times, any(size_bytes) AS size,
               any(error_key IS NOT NULL) AS is_keyed
          FROM entry WHERE {{where}} GROUP BY 1, 2, 3)
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants
#: Entries of batches, by partition and key.
OF_BATCHES = f"""
organisation_id IN {{owners:Array(UInt64)}} AND received_at BETWEEN {at("{first:Int64}")} AND {at("{last:Int64}")}
AND id BETWEEN {{lowest:UInt64}} AND {{highest:UInt64}} AND intDiv(id, {ENTRIES_A_BATCH}) IN {{batches:Array(UInt64)}}
"""
RUNNING = "SELECT count() FROM {processes} WHERE startsWith(query_id, {{prefix:String}})"


class Keeper:
    """See `storage.store.EntryKeeper`."""

    block_entries = GROUP_ENTRIES
    #: Each write makes a part, which merges take away again: about one a second and worker.
    fill_seconds = 1.0

    def __init__(self, server: Server) -> None:
        self._server = server

    def deadline(self) -> int:
        """See there."""
        with writing():
            [(now,)] = self._server.rows("SELECT toUnixTimestamp(now())", seconds=5)
        return int(now) + DEADLINE_SECONDS

    def write(self, batches: Sequence[Batch], *, token: str, attempt: int, deadline: int) -> Tally:
        """See there."""
        tally = Tally()
        body = body_of(batches, tally)
        if sum(len(batch.lines) for batch in batches) > BLOCK_ENTRIES:
            raise ValueError("more entries than a block holds")
        settings = {**SETTINGS, "insert_deduplication_token": token, "query_id": f"{token}-{attempt}"}
        if self._server.address.cluster:
            settings |= QUORUM
        reach("before_store_write")
        with writing():
            self._server.insert(INSERT, body, {"deadline": deadline}, settings=settings, seconds=INSERT_SECONDS)
        reach("after_store_write")
        return tally

    def presence(self, batches: Sequence[BatchHead]) -> dict[int, Presence]:
        """See there."""
        if not batches:
            return {}
        asked = {(one.batch_id, one.organisation_id, one.received_at) for one in batches}
        with writing():
            rows = self._server.rows(PRESENCE.format(where=OF_BATCHES), _of(batches))
        found = (presence_of(row) for row in rows)
        return {one.batch_id: one for one in found if (one.batch_id, one.organisation_id, one.received_at) in asked}

    def fence(self, token: str, *, deadline: int) -> None:
        """See there. What began before its deadline is among what runs, and ended."""
        with writing():
            [(now,)] = self._server.rows("SELECT toUnixTimestamp(now())", seconds=5)
            if now <= deadline + CLOCKS_APART_SECONDS:
                raise Unavailable(retry_after_seconds=1, clears_batches=True)
            cluster = self._server.address.cluster
            processes = f"clusterAllReplicas(`{cluster}`, system.processes)" if cluster else "system.processes"
            on_cluster = f"ON CLUSTER `{cluster}`" if cluster else ""
            prefix = {"prefix": f"{token}-"}
            self._server.run(f"KILL QUERY {on_cluster} WHERE startsWith(query_id, {{prefix:String}}) SYNC", prefix)
            [(running,)] = self._server.rows(RUNNING.format(processes=processes), prefix)
            if running:
                raise Unavailable(retry_after_seconds=1, clears_batches=True)
            if cluster:
                self._server.run("SYSTEM SYNC REPLICA entry STRICT", seconds=60)

    def remove(self, batches: Sequence[BatchHead]) -> None:
        """See there."""
        if not batches:
            return
        sql = f"DELETE FROM entry WHERE {OF_BATCHES}"  # noqa: S608 - constants
        with writing():
            self._server.run(sql, _of(batches), settings={"lightweight_deletes_sync": 2}, seconds=60)


def presence_of(row: Sequence[int]) -> Presence:
    """Make of a row of `PRESENCE` what it says."""
    batch_id, organisation_id, received, entries, times, size_bytes, errors = row
    return Presence(batch_id, organisation_id, moment(received), entries, size_bytes, errors, copies=times - entries)


def _of(batches: Sequence[BatchHead]) -> dict[str, object]:
    times = [micros(batch.received_at) for batch in batches]
    ids = [batch.batch_id for batch in batches]
    return {
        "owners": sorted({batch.organisation_id for batch in batches}),
        "first": min(times),
        "last": max(times),
        "lowest": min(ids) * ENTRIES_A_BATCH,
        "highest": (max(ids) + 1) * ENTRIES_A_BATCH - 1,
        "batches": sorted(ids),
    }
