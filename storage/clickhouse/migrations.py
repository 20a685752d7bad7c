"""The numbered SQL files that make the table: each is run once, in order, by one at a time. Additive only.

A column comes first, and the code that writes it in the next version: old processes go on beside new ones.
"""

import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from foundation.postgres import execute
from storage.clickhouse.errors import writing
from storage.clickhouse.server import Server

FOLDER = Path(__file__).parent / "schema"
#: The oldest version with what the table needs: stable text indexes, and times from the year 1 on.
OLDEST = (26, 3)
DDL_SECONDS = 120
#: One at a time, whichever machine it is on.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('storage.migrate_store'))"
DONE = "SELECT DISTINCT number FROM {database}.schema_migration"
NOTE = "INSERT INTO {database}.schema_migration (number, name) VALUES ({{number:UInt32}}, {{name:String}})"
BOOKKEEPING = (
    "CREATE DATABASE IF NOT EXISTS {database} {on_cluster}",
    "CREATE TABLE IF NOT EXISTS {database}.schema_migration {on_cluster}"
    " (number UInt32, name String, applied_at DateTime DEFAULT now()) ENGINE = {migration_engine} ORDER BY number",
)


def migrate(server: Server) -> list[str]:
    """Run what was not run yet; return the names of it. Raises: `Unavailable`, `Refused`, `ImproperlyConfigured`."""
    server = Server(server.address, names_database=False)
    with transaction.atomic(), writing():
        execute(TAKE_TURN)
        refuse_old(server)
        for statement in BOOKKEEPING:
            server.run(_filled(statement, server), seconds=DDL_SECONDS)
        left = _left(server)
        for path in left:
            server.run(_filled(_words_left_out(path.read_text()), server), seconds=DDL_SECONDS)
            _note(server, path)
    return [path.stem for path in left]


def missing(server: Server) -> list[str]:
    """Return the names of what was not run yet. Raises: `errors.TROUBLE`."""
    server = Server(server.address, names_database=False)
    [(there,)] = server.rows(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'schema_migration'",
        {"database": server.address.database},
    )
    return [path.stem for path in (_left(server) if there else _files())]


def refuse_old(server: Server) -> None:
    """Raise `ImproperlyConfigured` where the server cannot keep entries as they came."""
    [(version,)] = server.rows("SELECT version()")
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ImproperlyConfigured(f"ClickHouse {version} is too old for STORE_URL: {oldest} is the least.")


def _files() -> list[Path]:
    return sorted(FOLDER.glob("[0-9]*.sql"))


def _left(server: Server) -> list[Path]:
    done = {number for (number,) in server.rows(_filled(DONE, server))}
    return [path for path in _files() if _number(path) not in done]


def _note(server: Server, path: Path) -> None:
    sql = NOTE.format(database=server.address.database)
    server.run(sql, {"number": _number(path), "name": path.stem}, settings={"async_insert": 0})


def _number(path: Path) -> int:
    return int(path.stem.partition("_")[0])


def _words_left_out(text: str) -> str:
    return re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)


def _filled(statement: str, server: Server) -> str:
    """Put in what differs between a server of its own and a cluster, whose macros name shard and replica."""
    cluster = server.address.cluster
    replicated = "ReplicatedReplacingMergeTree('/luminalog/{{shard}}/{database}/{table}', '{{replica}}')"
    engines = {
        name: replicated.format(database=server.address.database, table=table) if cluster else "ReplacingMergeTree"
        for name, table in (("engine", "entry"), ("migration_engine", "schema_migration"))
    }
    window = (
        "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800"
        if cluster
        else "non_replicated_deduplication_window = 10000"
    )
    return statement.format(
        database=server.address.database,
        on_cluster=f"ON CLUSTER `{cluster}`" if cluster else "",
        window=window,
        **engines,
    )
