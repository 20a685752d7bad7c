"""What operators watch, measured once and by one set of thresholds: is a worker silent, the spool late, a disk full?

Health, the doctor, `/metrics` and the start page only say it. What nobody asks but the doctor stands with the doctor.

Each function measures one thing and raises what its server raises, so that one that is away hides no other.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import ApiKey
from foundation import metric_files, valkey
from foundation.once import once
from foundation.postgres import PromptTransaction, answered_in_time, fetch_all, fetch_as
from ingest.spool import backlog, dead_letters, failures
from ingest.spool.capacity import capacity
from operations.presence import beat_seen, tail_seen, workers_seen
from storage import wall
from storage.store import DAYS_AHEAD, MINIMUM_DAYS_AHEAD, store

#: A worker runs a task every second, and beat sends one every five.
SILENT_AFTER = timedelta(minutes=1)
#: A batch is stored within a second or so.
LATE_AFTER, VERY_LATE_AFTER = timedelta(seconds=15), timedelta(minutes=1)
#: Free parts of a disk.
LITTLE_DISK, TOO_LITTLE_DISK = 0.15, 0.07
#: The used part of Valkey's memory.
MUCH_VALKEY = 0.9
#: A web process with all its budgets in use has half of it; `deploy/luminalog-web.service` bounds two at 4 GiB.
MUCH_WEB_BYTES = 2**30
#: A day of a hundred million entries takes minutes.
LONG_ERASURE_SECONDS = 6 * 3600.0
#: The used part of the connections that PostgreSQL allows.
MANY_CONNECTIONS = 0.85

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
              ({failures.STANDS_STILL}) AS standstill, ({ERASURES}) AS erasures
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker of the last day; silent when it has not run a task for a minute, and one is due every second."""

    name: str
    seen_at: datetime
    is_silent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The batches in the spool, those that failed and are tried again among them."""

    batches: int
    bytes: int
    oldest_seconds: float
    failed_batches: int = 0

    @property
    def is_late(self) -> bool:
        """Whether somebody should look."""
        return self.oldest_seconds > LATE_AFTER.total_seconds()

    @property
    def is_very_late(self) -> bool:
        """Whether somebody must look."""
        return self.oldest_seconds > VERY_LATE_AFTER.total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class OldestBatch:
    """The batch that waits longest in the spool, whatever it failed on."""

    received_at: datetime
    is_very_late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """How many days after today have a partition, without a gap; -1 when today has none."""

    days: int

    @property
    def are_enough(self) -> bool:
        """Whether what arrives today and tomorrow can be stored."""
        return self.days >= MINIMUM_DAYS_AHEAD

    @property
    def are_made_in_time(self) -> bool:
        """Whether workers make them, as they do every quarter of an hour."""
        return self.days >= DAYS_AHEAD - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Connections:
    """Connections of clients to PostgreSQL, and the age of their oldest running transaction."""

    connections: int
    max_connections: int
    oldest_transaction_seconds: float

    @property
    def are_many(self) -> bool:
        """Whether there will soon be none for a process of ours."""
        return self.connections > self.max_connections * MANY_CONNECTIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasures:
    """Erasures that are not over: those that wait are for a second person to confirm."""

    erasures_running: int
    erasures_waiting: int
    oldest_erasure_seconds: float

    @property
    def does_not_end(self) -> bool:
        """Whether somebody should look why the oldest one runs for so long."""
        return self.oldest_erasure_seconds > LONG_ERASURE_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class State(Connections):
    """What one statement tells a scrape."""

    dead_letters: int
    stands_still: bool
    erasures_running: int
    erasures_waiting: int
    oldest_erasure_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ValkeyMemory:
    """Valkey's memory: without a limit of its own it may have the machine's."""

    used_bytes: int
    limit_bytes: int

    @property
    def is_nearly_full(self) -> bool:
        """Whether it will soon refuse what it is given, or be ended by the system."""
        return bool(self.limit_bytes) and self.used_bytes > self.limit_bytes * MUCH_VALKEY


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A disk below one of the folders of `LUMINALOG_DISK_PATHS`."""

    path: str
    size_bytes: int
    free_bytes: int

    @property
    def free_share(self) -> float:
        """How much of it is free, from 0 to 1."""
        return self.free_bytes / self.size_bytes

    @property
    def has_little(self) -> bool:
        """Whether somebody should look."""
        return self.free_share < LITTLE_DISK

    @property
    def has_too_little(self) -> bool:
        """Whether somebody must look."""
        return self.free_share < TOO_LITTLE_DISK


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


def waiting() -> Waiting:
    """Measure the spool at a bounded cost."""
    spool = backlog.measure()
    return Waiting(
        batches=spool.rows,
        bytes=spool.bytes,
        oldest_seconds=spool.oldest_seconds,
        failed_batches=spool.failed_rows,
    )


def oldest_batch() -> OldestBatch | None:
    """Return the batch that waits longest."""
    at = backlog.oldest_received_at()
    return OldestBatch(received_at=at, is_very_late=datetime.now(UTC) - at > VERY_LATE_AFTER) if at else None


def store_stands_still() -> bool:
    """Tell whether accepted batches wait because the log store takes nothing, and no outage that we know is why."""
    return failures.store_stands_still()


def count_dead_letters() -> int:
    """Count what the log store would not take."""
    return dead_letters.count()


def limits_reached() -> frozenset[str]:
    """Return for which of `ingest.spool.capacity.LIMITS` batches are refused."""
    return capacity.look()


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


def valkey_memory() -> ValkeyMemory:
    """Return what Valkey has of memory, and may have. Raises: `RedisError`."""
    told: dict[str, Any] = valkey.client().info("memory")
    return ValkeyMemory(
        used_bytes=told["used_memory"], limit_bytes=told["maxmemory"] or told.get("total_system_memory", 0)
    )


def wall_stands() -> bool:
    """Tell whether PostgreSQL itself keeps the organisations' readers apart."""
    return store().reader.wall() is wall.State.STANDS


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
