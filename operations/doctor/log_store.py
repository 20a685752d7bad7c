"""A log store that is a server of its own: does it answer, is it of this version, and does the wall stand?"""

from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from operations import vitals
from operations.doctor.finding import Finding, error, ok, warning
from operations.thresholds import Moving
from storage.errors import Refused, Unavailable
from storage.store import StoreHealth, store
from storage.wall import State

#: Of one day. ClickHouse slows inserts down at 1,000 and refuses them at 3,000.
MANY_PARTS = 300
LATE_SECONDS = 60
PAGE = "docs/clickhouse.md"
MOVE = f'"Move entries" in {PAGE}'


def examine() -> Iterator[Finding]:
    """Ask the server, if there is one."""
    if store().health is None:
        return
    try:
        health = vitals.store_health()
        state = store().reader.wall()
    except (Unavailable, Refused):
        yield error(
            "ClickHouse",
            "ClickHouse does not answer as STORE_URL and STORE_READ_URL ask it to: nothing is stored, or found.",
            "Start it, and check both addresses. Batches are accepted, and wait in the spool, until that is full.",
        )
        return
    assert health
    yield ok("ClickHouse", f"ClickHouse {health.version} answers.")
    yield _migrations(health)
    yield _wall(state)
    yield from _parts(health)
    yield from _replica(health)
    with suppress(DatabaseError, InterfaceError):  # PostgreSQL's own finding says it
        yield from _move(vitals.moving())


def _migrations(health: StoreHealth) -> Finding:
    if not health.missing_migrations:
        return ok("ClickHouse's table", "The table of entries is of this version.")
    return error(
        "ClickHouse's table",
        f"Not applied yet: {', '.join(health.missing_migrations)}.",
        "Run bin/luminalog migrate-store.",
    )


def _wall(state: State) -> Finding:
    if state is State.STANDS:
        return ok("row policy", "ClickHouse shows a reader the rows of one organisation only.")
    what = {
        State.NO_ROLE: "Entries are read by a user whom no row policy holds: readers are kept apart by queries alone.",
        State.ROLE_MAY_TOO_MUCH: "The user of STORE_READ_URL may do more than read entries.",
    }[state]
    return warning("row policy", what, f'See "Users, and the wall" in {PAGE}.')


def _parts(health: StoreHealth) -> Iterator[Finding]:
    if health.most_parts > MANY_PARTS:
        yield warning(
            "ClickHouse's parts",
            f"A day has {health.most_parts} parts: merges do not come along.",
            "See whether its disks or processors are busy (system.merges).",
        )
    if health.detached_parts:
        yield error(
            "ClickHouse's parts",
            f"{health.detached_parts} parts were set aside as broken: their entries are not found.",
            f'Run bin/luminalog verify-ledger, and see "Broken parts" in {PAGE}.',
        )


def _move(moving: Moving) -> Iterator[Finding]:
    """Tell what is left in PostgreSQL, and whether anybody goes on with it."""
    left = f"{moving.left_days} days of entries are in PostgreSQL"
    if not settings.STORE_MOVES_FROM:
        if moving.left_days:
            yield error("move", f"{left}, where nobody finds them.", f"Set STORE_MOVES_FROM=postgresql: {MOVE}.")
    elif moving.is_running:
        yield ok("move", f"Entries are on their way to ClickHouse: {left}.")
    elif moving.is_left_alone:
        yield warning(
            "move",
            f"A day was begun, and nobody moves it: {left}.",
            f"Run bin/luminalog move-store, it goes on: {MOVE}.",
        )
    elif moving.left_days:
        yield warning("move", f"{left}, and nobody moves them.", f"Run bin/luminalog move-store: {MOVE}.")
    else:
        yield warning("move", "Nothing is left to move.", "Unset STORE_MOVES_FROM for every process, and restart.")


def _replica(health: StoreHealth) -> Iterator[Finding]:
    if health.is_readonly:
        yield error(
            "ClickHouse's replica", "The replica is read-only: it has lost its Keeper.", "See system.replicas there."
        )
    elif health.replica_delay_seconds > LATE_SECONDS:
        yield warning(
            "ClickHouse's replica",
            f"The replica is {health.replica_delay_seconds} s behind, with {health.replication_queue} things to do.",
            "See system.replication_queue there.",
        )
    if health.absent_replicas:
        yield warning(
            "ClickHouse's replicas",
            f"{health.absent_replicas} of its replicas are away: with less than two nothing is stored.",
            f'Start them. See "A replica is late" in {PAGE}.',
        )
