"""What operators watch, measured: each function one thing, and it raises what its server raises.

So one that is away hides no other. What a figure means is in `thresholds`; health, the doctor, `/metrics` and the start
page only say it. What nobody asks but the doctor stands with the doctor.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import ApiKey
from alerts.standing import STANDING as ALERTS
from edges.standing import STANDING as EDGES
from foundation import metric_files, valkey
from foundation.once import once
from foundation.postgres import PromptTransaction, answered_in_time, fetch_all, fetch_as
from ingest.spool import backlog, dead_letters, failures
from ingest.spool.capacity import capacity
from issues import turns
from notify import standing
from operations.presence import beat_seen, mcp_seen, syslog_seen, tail_seen, workers_seen
from operations.thresholds import (
    LATE_RECORDING_SECONDS,
    SILENT_AFTER,
    VERY_LATE_AFTER,
    Ahead,
    Alerts,
    Connections,
    Disk,
    Erasures,
    Moving,
    OldestBatch,
    State,
    ValkeyMemory,
    Waiting,
    Worker,
)
from quotas import loans
from storage import archived, moves, wall
from storage.errors import Unavailable
from storage.store import StoreHealth, store

#: With any of these off, PostgreSQL may lose what it said it had committed (PostgreSQL manual, 29.1 and 19.5).
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
SWITCHED_OFF = "SELECT name FROM pg_settings WHERE name = ANY (%s) AND setting <> 'on' ORDER BY 1"
CONNECTIONS = """
SELECT count(*) AS connections, current_setting('max_connections')::int AS max_connections,
       coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 AS oldest_transaction_seconds
  FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
#: Those that are not over; erasure_unfinished has no others.
ERASURES = """
SELECT count(*) FILTER (WHERE status = 'running') AS erasures_running,
       count(*) FILTER (WHERE status = 'asked') AS erasures_waiting,
       coalesce(max(extract(epoch FROM now() - coalesce(began_at, confirmed_at, asked_at)))
                FILTER (WHERE status = 'running'), 0)::float8 AS oldest_erasure_seconds
  FROM operations_erasure WHERE status IN ('asked', 'running')
"""
#: Counts what is small or indexed.
STATE = f"""
SELECT * FROM ({CONNECTIONS}) AS connections, ({dead_letters.COUNT}) AS dead_letters,
              ({failures.STANDS_STILL}) AS standstill, ({ERASURES}) AS erasures,
              ({turns.OLDEST_TO_RECORD}) AS recordings,
              ({standing.STANDING}) AS messages, ({ALERTS}) AS alerts,
              ({EDGES}) AS edges, ({loans.STANDING}) AS loans, ({archived.STANDING}) AS archive
"""  # noqa: S608 - constants


def postgresql_answers() -> bool:
    """Tell whether PostgreSQL answers within a second. One that hangs holds no request for long."""
    with PromptTransaction(), answered_in_time(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1s'")
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def durability_switched_off() -> Sequence[str]:
    """Return which settings of PostgreSQL let a commit be lost in a power cut."""
    return [name for (name,) in fetch_all(SWITCHED_OFF, [list(DURABLE)])]


def migrations_are_applied() -> bool:
    """Tell whether the database has this code's tables. Only where names are missing, the whole graph is looked at."""
    if _migrations() <= MigrationRecorder(connection).applied_migrations().keys():
        return True
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@once
def _migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this process's code: reading them takes longer than all other checks."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


def partitions_ahead() -> Ahead:
    """Tell whether the log store has room for the coming days."""
    return Ahead(days=store().days.ahead())


def connections() -> Connections:
    """Count PostgreSQL's clients."""
    return fetch_as(Connections, CONNECTIONS)


def state() -> State:
    """Return what a scrape tells of PostgreSQL, but for the spool and the days ahead, by one statement."""
    return fetch_as(State, STATE)


def erasures() -> Erasures:
    """Count erasures that are not over."""
    return fetch_as(Erasures, ERASURES)


def recordings_are_late() -> bool:
    """Tell whether what was around new error groups is not recorded, although it should be by now."""
    [(seconds,)] = fetch_all(turns.OLDEST_TO_RECORD)
    return bool(seconds > LATE_RECORDING_SECONDS)


def alerts() -> Alerts:
    """Tell whether rules for alerts are looked at."""
    return fetch_as(Alerts, ALERTS)


def waiting() -> Waiting:
    """Measure the spool at a bounded cost."""
    spool = backlog.measure()
    return Waiting(
        batches=spool.rows,
        bytes=spool.bytes,
        oldest_seconds=spool.oldest_seconds,
        failed_batches=spool.failed_rows,
        deferred_batches=spool.deferred_rows,
    )


def oldest_batch() -> OldestBatch | None:
    """Return the batch that waits longest; one that is deferred waits from when it is due."""
    spool = backlog.measure()
    if not spool.oldest_seconds:
        return None
    since = datetime.fromtimestamp(spool.clock - spool.oldest_seconds, UTC)
    return OldestBatch(waits_since=since, is_very_late=spool.oldest_seconds > VERY_LATE_AFTER.total_seconds())


def store_stands_still() -> bool:
    """Tell whether accepted batches wait because the log store takes nothing, and no outage that we know is why."""
    return failures.store_stands_still()


def count_dead_letters() -> int:
    """Count what the log store would not take."""
    return dead_letters.count()


def limits_reached() -> frozenset[str]:
    """Return for which of `ingest.spool.capacity.LIMITS` batches are refused."""
    return capacity.look()


def full_overflow_lanes() -> list[int]:
    """Return the organisations of which no more is deferred, for want of room."""
    capacity.look()
    return capacity.full_lanes()


def overheard_keys() -> int:
    """Count the keys in force that were sent over plain HTTP."""
    return ApiKey.objects.overheard().count()


def expiring_keys() -> int:
    """Count the keys that end soon and have no successor."""
    return ApiKey.objects.expiring().count()


def valkey_seconds() -> float:
    """Return how long Valkey took to answer: 50 ms at most. Raises: `RedisError`."""
    began = time.perf_counter()
    valkey.client().ping()
    return time.perf_counter() - began


def workers() -> list[Worker]:
    """Return the workers of the last day. Raises: `RedisError`."""
    return [Worker(name=name, seen_at=at, is_silent=_is_silent(at)) for name, at in workers_seen().items()]


def beat_is_silent() -> bool:
    """Tell whether no task of beat's has run lately. Raises: `RedisError`."""
    at = beat_seen()
    return at is None or _is_silent(at)


def tail_is_silent() -> bool:
    """Tell whether no process of the tail has been there lately. Raises: `RedisError`."""
    at = tail_seen()
    return at is None or _is_silent(at)


def mcp_is_silent() -> bool:
    """Tell whether no process of MCP has been there lately, although there is to be one. Raises: `RedisError`."""
    at = mcp_seen() if settings.MCP else None
    return settings.MCP and (at is None or _is_silent(at))


def syslog_is_silent() -> bool:
    """Tell whether nobody has listened for syslog lately, although somebody is to. Raises: `RedisError`."""
    at = syslog_seen() if settings.SYSLOG else None
    return bool(settings.SYSLOG) and (at is None or _is_silent(at))


def valkey_memory() -> ValkeyMemory:
    """Return what Valkey has of memory, and may have. Raises: `RedisError`."""
    told: dict[str, Any] = valkey.client().info("memory")
    return ValkeyMemory(
        used_bytes=told["used_memory"], limit_bytes=told["maxmemory"] or told.get("total_system_memory", 0)
    )


def wall_stands() -> bool:
    """Tell whether the log store itself keeps the organisations' readers apart; false while it does not answer."""
    try:
        return store().reader.wall() is wall.State.STANDS
    except Unavailable:
        return False


def store_health() -> StoreHealth | None:
    """Return how the log store is, if it is a server of its own. Raises: `Unavailable`, `Refused`."""
    look = store().health
    return look() if look else None


def moving() -> Moving:
    """Tell how entries move from PostgreSQL to a log store of its own."""
    return fetch_as(Moving, moves.STANDING)


def web_bytes() -> float:
    """Return the memory of the largest web process of this machine; 0 when nobody tells of it here."""
    if not (settings.METRICS_DIR and settings.METRICS_DIR.is_dir()):
        return 0
    told = (
        one
        for counted in metric_files.collect(settings.METRICS_DIR)
        if counted.process == "web"
        for one in counted.metrics
    )
    return max(
        (sample.value for one in told if one.name == "luminalog_resident_bytes" for sample in one.samples), default=0
    )


def disk(path: str) -> Disk:
    """Look at one disk. Raises: `OSError`."""
    usage = shutil.disk_usage(path)
    return Disk(path=path, size_bytes=usage.total, free_bytes=usage.free)


def fullest_disk() -> Disk | None:
    """Return the disk with the smallest free part; None when no folder is named, or none is there."""
    return min(disks(), key=lambda one: one.free_share, default=None)


def disks() -> Iterator[Disk]:
    """Yield the disks of `LUMINALOG_DISK_PATHS`, but for folders that are not there."""
    for path in settings.DISK_PATHS:
        with contextlib.suppress(OSError):
            yield disk(path)


def _is_silent(seen_at: datetime) -> bool:
    """Tell whether that was long ago; or in the future, by a clock that was set back since."""
    return abs(datetime.now(UTC) - seen_at) > SILENT_AFTER
