"""Counts of what became of requests that left no row of their own: refusals above all.

They gather in the process, and its own thread adds them to `HourlyUsage` every two seconds, each of them once. Without
PostgreSQL they wait, in a bounded number of kinds; a process that is killed loses what it has not written. At an edge
they are sent to the core, which adds them.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.caller import Caller
from foundation.postgres import PromptTransaction, answered_in_time, execute, fetch_one
from foundation.threads import Background
from quotas import ledger, reports
from quotas.tally import Amount, Kind, Parcel, Tally

FLUSH_SECONDS = 2.0
HOUR = 3600

#: A parcel that is remembered has been counted: it comes again when the answer to its COMMIT got lost.
REMEMBER = "INSERT INTO quotas_outcomefold (id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
FORGET = """
DELETE FROM quotas_outcomefold
 WHERE id IN (SELECT id FROM quotas_outcomefold WHERE folded_at < now() - interval '7 days'
               ORDER BY id FOR UPDATE SKIP LOCKED)
"""

_tally = Tally()


def note(caller: Caller, outcome: str, *, requests: int = 1, entries: int = 0, size_bytes: int = 0) -> None:
    """Count an outcome of `caller`'s: as `HourlyUsage` names it. No I/O."""
    hour = int(time.time()) // HOUR * HOUR
    kind = Kind(hour, caller.organisation_id, caller.api_key_id, outcome)
    _tally.add(kind, Amount(requests, entries, size_bytes))
    thread.wake()


def flush() -> None:
    """Add what this process has counted to the hourly usage. Raises: `DatabaseError`; what could not be is kept."""
    _tally.hand_over(_write)


def forget_old() -> int:
    """Forget parcels that cannot come again; return how many."""
    return execute(FORGET)


def add(mark: UUID, rows: Iterable[ledger.UsageRow]) -> None:
    """Add counts to the hourly usage, unless those of this mark were added before. Raises: `DatabaseError`."""
    with PromptTransaction(), answered_in_time():
        if fetch_one(REMEMBER, [mark]):
            ledger.count(rows)


def _write(parcel: Parcel) -> None:
    if settings.CORE_URL:
        with answered_in_time():
            reports.keep(parcel)
    else:
        add(parcel.mark, [_usage_row(kind, amount) for kind, amount in parcel.amounts.items()])


def _usage_row(kind: Kind, amount: Amount) -> ledger.UsageRow:
    hour = datetime.fromtimestamp(kind.hour, UTC)
    return ledger.UsageRow(hour, kind.organisation_id, kind.api_key_id, kind.outcome, *amount)


def _flush_and_hang_up() -> None:
    try:
        flush()
    finally:
        connection.close()  # none is held for a statement now and then


#: Started by the first note; stopped, nothing is written but by `flush`.
thread = Background("outcomes", _flush_and_hang_up, gather=FLUSH_SECONDS)
