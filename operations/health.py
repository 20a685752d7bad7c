"""Is this process alive, and is the system fit to promise that a log is safe. Answers name checks, never values.

Whoever asks is answered, by whatever name the host is called; a flood of questions costs one look a second.
"""

from collections.abc import Callable

import redis
import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from foundation.methods import only_read
from foundation.shared_look import SharedLook
from ingest.spool.capacity import LIMITS
from operations import vitals

log = structlog.get_logger(__name__)


@never_cache
def _healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer while the process can; asks nobody else."""
    return JsonResponse({"status": "ok"})


@never_cache
def _readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 when batches can be kept safely, else 503. Valkey is reported, but nothing is refused without it.

    `status` is `ok`, `degraded` (without Valkey), `full` (new batches are refused, all else works), `stuck` (batches
    are kept, and none is stored) or `failed`.
    """
    checks = readiness.get()
    failed = {name for name, passed in checks.items() if not passed}
    status = next((status for status, allowed in ALLOWED.items() if failed <= allowed), "failed")
    named = {name: "ok" if passed else "failed" for name, passed in checks.items()}
    return JsonResponse({"status": status, "checks": named}, status=200 if status in READY else 503)


healthz, readyz = only_read(_healthz), only_read(_readyz)


def _look() -> dict[str, bool]:
    """Return which checks pass now."""
    checks = {
        "valkey": _passes("valkey", _valkey_answers),
        "postgresql": _passes("postgresql", vitals.postgresql_answers),
    }
    if checks["postgresql"]:
        checks |= {name: _passes(name, check) for name, check in IN_POSTGRESQL.items()} | _capacity()
    return checks


readiness = SharedLook(_look)


def _valkey_answers() -> bool:
    return vitals.valkey_seconds() >= 0


def _commits_are_durable() -> bool:
    return not vitals.durability_switched_off()


def _partitions_are_ahead() -> bool:
    return vitals.partitions_ahead().are_enough


def _batches_are_stored() -> bool:
    return not vitals.store_stands_still()


#: Which checks may fail for a status, the best first.
ALLOWED: dict[str, set[str]] = {
    "ok": set(),
    "degraded": {"valkey"},
    "full": {"valkey", *LIMITS},
    "stuck": {"valkey", *LIMITS, "storing"},
}
READY = ("ok", "degraded")

IN_POSTGRESQL: dict[str, Callable[[], bool]] = {
    "durability": _commits_are_durable,
    "migrations": vitals.migrations_are_applied,
    "partitions": _partitions_are_ahead,
    "storing": _batches_are_stored,
}


def _capacity() -> dict[str, bool]:
    """Tell of each limit whether there is room: without it batches are refused, while the drain and all else go on."""
    full: frozenset[str] = frozenset(LIMITS)
    try:
        full = vitals.limits_reached()
    except (DatabaseError, InterfaceError) as error:
        log.warning("check_failed", check="capacity", error=type(error).__name__)
    return {name: name not in full for name in LIMITS}


def _passes(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, InterfaceError, redis.RedisError) as error:
        log.warning("check_failed", check=name, error=type(error).__name__)
        return False
