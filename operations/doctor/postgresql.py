"""PostgreSQL: is it there, does it keep what it says it keeps, and is it as our code needs it?"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from foundation.postgres import discard_if_dead, execute, fetch_all, fetch_as
from operations import grants, vitals
from operations.doctor.finding import Finding, error, ok, warning
from storage import wall
from storage.store import store

OLDEST_VERSION = 15
STATEMENT_TIMEOUT = "5s"
OLD_TRANSACTION_SECONDS = 900
CLOCK_WARNING_SECONDS, CLOCK_ERROR_SECONDS = 1.0, 30.0

SERVER = """
SELECT current_setting('server_version_num')::int / 10000 AS version, pg_is_in_recovery() AS is_standby,
       current_setting('TimeZone') = 'UTC' AND current_setting('lock_timeout') = '2s' AS has_our_settings,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       has_schema_privilege(current_schema(), 'CREATE') OR current_user = %s AS may_create,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS has_trigrams,
       current_setting('autovacuum') = 'on' AS vacuums
"""
#: One that is being built is not valid yet, and is no finding.
INVALID_INDEXES = """
SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE NOT indisvalid AND relkind = 'i'
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS running WHERE running.index_relid = indexrelid)
 ORDER BY 1
"""
OLD_TRANSACTIONS = """
SELECT pid, coalesce(nullif(application_name, ''), 'unnamed'), extract(epoch FROM now() - xact_start)::int
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND xact_start < now() - make_interval(secs => %s)
 ORDER BY xact_start
"""
IDLE_SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE NOT active ORDER BY 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The server, our session and our role; the fields have the names of `SERVER`'s columns."""

    version: int
    is_standby: bool
    has_our_settings: bool
    is_superuser: bool
    may_create: bool
    has_trigrams: bool
    vacuums: bool


def examine() -> Iterator[Finding]:
    """Ask PostgreSQL, if it answers; each question takes five seconds at most."""
    try:
        began = time.time()
        [(server_clock,)] = _rows("SELECT extract(epoch FROM clock_timestamp())::float8")
        ended = time.time()
    except (DatabaseError, InterfaceError) as failure:
        where = settings.DATABASES["default"]
        yield error(
            "PostgreSQL",
            f"PostgreSQL does not answer at {where['HOST']}:{where['PORT'] or 5432} ({type(failure).__name__}).",
            "Start it, and check DATABASE_URL: host, port, user, password, database. Until then batches get 503.",
        )
        return
    yield clock_finding("PostgreSQL's clock", server_clock, began=began, ended=ended)
    for check in CHECKS:
        try:
            yield from check()
        except (DatabaseError, InterfaceError) as failure:
            discard_if_dead()
            name = check.__name__.strip("_").replace("_", " ")
            yield error("PostgreSQL", f"The check of {name} failed ({type(failure).__name__}).", "See its log.")


def clock_finding(subject: str, there: float, *, began: float, ended: float) -> Finding:
    """Compare a clock that was read between two moments of ours with their middle."""
    difference = there - (began + ended) / 2
    if abs(difference) < CLOCK_WARNING_SECONDS + (ended - began) / 2:
        return ok(subject, f"Agrees with this machine's to {abs(difference):.3f} s.")
    say = error if abs(difference) > CLOCK_ERROR_SECONDS else warning
    side = "ahead of" if difference > 0 else "behind"
    return say(subject, f"It is {abs(difference):.1f} s {side} this machine's.", "Run NTP on both machines.")


def _server() -> Iterator[Finding]:
    server = fetch_as(Server, SERVER, [grants.WEB])
    if server.version < OLDEST_VERSION:
        yield error("PostgreSQL", f"PostgreSQL {server.version} is too old.", f"Upgrade to {OLDEST_VERSION} or newer.")
    elif server.is_standby:
        yield error("PostgreSQL", "DATABASE_URL names a standby: nothing can be kept.", "Name the primary.")
    else:
        yield ok("PostgreSQL", f"PostgreSQL {server.version} answers.")
    if not server.has_our_settings:
        yield error(
            "session settings",
            "Our session settings do not reach PostgreSQL.",
            "Connect directly: a pooler in transaction mode does not fit.",
        )
    yield _connections()
    yield from _role(server)
    if not server.has_trigrams:
        yield warning("pg_trgm", "Without pg_trgm, words are searched without an index.", "CREATE EXTENSION pg_trgm.")
    if not server.vacuums:
        yield error("autovacuum", "autovacuum is off: the spool grows without end.", "Set autovacuum = on.")


def _connections() -> Finding:
    clients = vitals.connections()
    what = f"{clients.connections} of {clients.max_connections} connections are used."
    return warning("connections", what, "Raise max_connections.") if clients.are_many else ok("connections", what)


def _role(server: Server) -> Iterator[Finding]:
    if not server.may_create:
        yield error(
            "role", "Our role may not make tables, so no new days.", "GRANT CREATE ON SCHEMA public TO our role."
        )
    elif server.is_superuser and not settings.DEVELOPMENT:
        yield warning("role", "Our role is a superuser.", "Use a role that owns the database and no more.")


def _wall() -> Iterator[Finding]:
    if store().health is not None:
        return  # see `operations.doctor.log_store`
    state = store().reader.wall()
    if state is wall.State.STANDS:
        yield ok("row security", "PostgreSQL shows a reader the rows of one organisation only.")
        return
    what = {
        wall.State.NO_ROLE: f"The role {wall.ROLE} cannot be used: readers are kept apart by views alone.",
        wall.State.ROLE_MAY_TOO_MUCH: f"The role {wall.ROLE} may do more than read its views.",
    }[state]
    yield warning("row security", what, 'See "Row security" in docs/security.md.')


def _durability() -> Iterator[Finding]:
    off = vitals.durability_switched_off()
    if not off:
        yield ok("durability", "A commit survives a power cut.")
        return
    yield error(
        "durability",
        f"{', '.join(off)} off: PostgreSQL may lose what it said it had committed, and a 200 would be a lie.",
        f"Set {' and '.join(f'{name} = on' for name in off)}.",
    )


def _migrations() -> Iterator[Finding]:
    if vitals.migrations_are_applied():
        yield ok("migrations", "All migrations are applied.")
    else:
        yield error("migrations", "Migrations of this version are missing.", "Run bin/luminalog migrate.")


def _partitions() -> Iterator[Finding]:
    if store().health is not None:
        return
    ahead = vitals.partitions_ahead()
    if ahead.are_made_in_time:
        yield ok("partitions", f"The log store has partitions for today and {ahead.days} more days.")
        return
    say = warning if ahead.are_enough else error
    lasts = f"for today and {ahead.days} more days only" if ahead.days >= 0 else "not even for today"
    yield say(
        "partitions",
        f"The log store has partitions {lasts}.",
        "Run bin/luminalog partitions --make, and see why beat and workers do not.",
    )


def _indexes() -> Iterator[Finding]:
    if names := [name for (name,) in _rows(INVALID_INDEXES)]:
        yield warning(
            "indexes",
            f"{len(names)} indexes were not finished, and slow down writes for nothing: {', '.join(names[:5])}.",
            "Those of closed days are built again next night; drop others with DROP INDEX CONCURRENTLY.",
        )


def _transactions() -> Iterator[Finding]:
    for pid, application, seconds in _rows(OLD_TRANSACTIONS, [OLD_TRANSACTION_SECONDS])[:5]:
        yield warning(
            "transactions",
            f"A transaction of {application} (pid {pid}) is {seconds // 60} minutes old; the spool cannot be vacuumed.",
            f"If it is not a backup: SELECT pg_terminate_backend({pid}).",
        )


def _slots() -> Iterator[Finding]:
    for (name,) in _rows(IDLE_SLOTS)[:5]:
        yield warning(
            "replication",
            f"Nobody reads the replication slot {name}: PostgreSQL keeps its log until the disk is full.",
            f"Start its reader, or SELECT pg_drop_replication_slot('{name}').",
        )


CHECKS: Sequence[Callable[[], Iterator[Finding]]] = (
    _server, _wall, _durability, _migrations, _partitions, _indexes, _transactions, _slots,
)  # fmt: skip


def _rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with transaction.atomic():
        execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        return fetch_all(query, parameters)
