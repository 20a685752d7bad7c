"""How ClickHouse is: what operators watch of the table of entries. See `storage.store.StoreHealth`."""

from storage.clickhouse import migrations
from storage.clickhouse.errors import writing
from storage.clickhouse.server import Server
from storage.store import StoreHealth

#: Of the day that has most: many mean that merges do not come along with what is written. Emptied ones do not count:
#: ClickHouse takes them away by itself.
PARTS = """
SELECT max(parts) FROM (
       SELECT count() AS parts FROM system.parts
        WHERE active AND rows > 0 AND database = {database:String} AND table = 'entry' GROUP BY partition)
"""
DETACHED = "SELECT count() FROM system.detached_parts WHERE database = {database:String} AND table = 'entry'"
REPLICA = """
SELECT queue_size, is_readonly, absolute_delay, total_replicas - active_replicas FROM system.replicas
 WHERE database = {database:String} AND table = 'entry'
"""
SECONDS = 5


def look(server: Server) -> StoreHealth:
    """Ask the server. Raises: `Unavailable`, `Refused`."""
    asked = {"database": server.address.database}
    with writing():
        [(version,)] = server.rows("SELECT version()", seconds=SECONDS)
        missing = migrations.missing(server)
        [(parts,)] = server.rows(PARTS, asked, seconds=SECONDS)
        [(detached,)] = server.rows(DETACHED, asked, seconds=SECONDS)
        replicas = server.rows(REPLICA, asked, seconds=SECONDS) if server.address.cluster else []
    queue, is_readonly, delay_seconds, absent = replicas[0] if replicas else (0, 0, 0, 0)
    return StoreHealth(
        version=version,
        missing_migrations=tuple(missing),
        most_parts=parts,
        detached_parts=detached,
        replication_queue=queue,
        replica_delay_seconds=delay_seconds,
        absent_replicas=absent,
        is_readonly=bool(is_readonly),
    )
