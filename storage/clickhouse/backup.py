"""ClickHouse's own BACKUP and RESTORE of entries, and of what was made for them. See `storage.store.EntryBackup`."""

import re
import time

from storage.clickhouse.errors import writing
from storage.clickhouse.server import Server
from storage.store import BackupFailed

#: Where backups lie, as ClickHouse has it: `Disk('backups', '2026-01-26')`, `S3(a_named_collection, '2026-01-26')`.
PLACE = re.compile(r"(?:File|Disk|S3|AzureBlobStorage)\((?:'[^'\\]+'|\w+)(?:, ?'[^'\\]*')*\)", re.ASCII)
TABLES = "TABLE {database}.entry, TABLE {database}.schema_migration {on_cluster}"
BACK_UP = f"BACKUP {TABLES} TO {{place}} {{since}} ASYNC"
RESTORE = f"RESTORE {TABLES} FROM {{place}} ASYNC"
MAKE_DATABASE = "CREATE DATABASE IF NOT EXISTS {database} {on_cluster}"
STATUS = "SELECT status, error FROM system.backups WHERE id = {id:String}"
UNDER_WAY = ("CREATING_BACKUP", "RESTORING")
DONE = ("BACKUP_CREATED", "RESTORED")
PAUSE_SECONDS = 0.2


class Backup:
    """See `storage.store.EntryBackup`."""

    def __init__(self, server: Server) -> None:
        self._server = Server(server.address, names_database=False)

    def back_up(self, place: str, *, since: str | None = None) -> None:
        """Write all entries to `place`; of those that are in the backup `since`, that they are there."""
        self._run(BACK_UP, place, since=f"SETTINGS base_backup = {_fit(since)}" if since else "")

    def restore(self, place: str) -> None:
        """Fill a ClickHouse that has no entries from `place`."""
        with writing():
            self._server.run(self._filled(MAKE_DATABASE))
        self._run(RESTORE, place)

    def _run(self, statement: str, place: str, *, since: str = "") -> None:
        """Begin, and wait until it is over, however long that takes."""
        with writing():
            [(id_, status)] = self._server.rows(self._filled(statement, place=_fit(place), since=since))
            error = ""
            while status in UNDER_WAY:
                time.sleep(PAUSE_SECONDS)
                [(status, error)] = self._server.rows(STATUS, {"id": id_})
        if status not in DONE:
            raise BackupFailed(error.partition(", Stack trace")[0] or status)

    def _filled(self, statement: str, **words: str) -> str:
        address = self._server.address
        on_cluster = f"ON CLUSTER `{address.cluster}`" if address.cluster else ""
        return statement.format(database=address.database, on_cluster=on_cluster, **words)


def _fit(place: str) -> str:
    """Return a place that says nothing else. Raises: `BackupFailed`."""
    if not PLACE.fullmatch(place):
        raise BackupFailed(f"{place!r} is no place of ClickHouse's, as Disk('backups', 'monday') is.")
    return place
