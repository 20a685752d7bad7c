"""Is this process alive, and is the system fit to promise that a log is safe. Answers name checks, never values."""

from collections.abc import Callable

import redis
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from foundation import valkey
from foundation.postgres import PromptTransaction, answered_in_time
from ingest.spool.capacity import LIMITS, capacity
from storage import partitions

log = structlog.get_logger(__name__)

#: With any of these off, PostgreSQL may lose what it said it had committed (PostgreSQL manual, 29.1 and 19.5).
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer while the process can; asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 when batches can be kept safely, else 503. Valkey is reported, but nothing is refused without it.

    `status` is `ok`, `degraded` (without Valkey), `full` (new batches are refused, all else works) or `failed`.
    """
    checks = {"valkey": _passes("valkey", valkey_answers), "postgresql": _passes("postgresql", postgresql_answers)}
    if checks["postgresql"]:
        checks |= {name: _passes(name, check) for name, check in IN_POSTGRESQL.items()} | _capacity()
    failed = {name for name, passed in checks.items() if not passed}
    ready = failed <= {"valkey"}
    status = "ok" if not failed else "degraded" if ready else "full" if failed <= {"valkey", *LIMITS} else "failed"
    named = {name: "ok" if passed else "failed" for name, passed in checks.items()}
    return JsonResponse({"status": status, "checks": named}, status=200 if ready else 503)


def postgresql_answers() -> bool:
    """Tell whether PostgreSQL answers within a second. One that hangs holds no request for long."""
    with PromptTransaction(), answered_in_time(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1s'")
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def commits_are_durable() -> bool:
    """Tell whether a commit survives a power cut."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_settings WHERE name = ANY(%s) AND setting = 'on'", [list(DURABLE)])
        return bool(cursor.fetchone() == (len(DURABLE),))


def migrations_are_applied() -> bool:
    """Tell whether the database has this code's tables."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def partitions_are_ahead() -> bool:
    """Tell whether the log store has room for the coming days."""
    return partitions.days_ahead() >= partitions.MINIMUM_DAYS_AHEAD


def valkey_answers() -> bool:
    """Tell whether Valkey answers within 50 ms."""
    return bool(valkey.client().ping())


IN_POSTGRESQL: dict[str, Callable[[], bool]] = {
    "durability": commits_are_durable,
    "migrations": migrations_are_applied,
    "partitions": partitions_are_ahead,
}


def _capacity() -> dict[str, bool]:
    """Tell of each limit whether there is room: without it batches are refused, while the drain and all else go on."""
    full: frozenset[str] = frozenset(LIMITS)
    try:
        full = capacity.look()
    except (DatabaseError, InterfaceError) as error:
        log.warning("check_failed", check="capacity", error=type(error).__name__)
    return {name: name not in full for name in LIMITS}


def _passes(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, InterfaceError, redis.RedisError) as error:
        log.warning("check_failed", check=name, error=type(error).__name__)
        return False
