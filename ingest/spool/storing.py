"""Writing batches into the log store with what goes along: a receipt each, the hour's usage, and the rollups.

And the trial: a plain entry written the same way and taken back, which tells the store's fault from a batch's own.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from foundation.outages import is_outage
from foundation.postgres import execute
from ingest.findings import found_in
from ingest.spool.replays import Found
from issues.grouping import Grouping
from privacy.scrubbing import NOTHING, Findings
from quotas import ledger
from storage import receipts, rollups
from storage.batch import Batch, BatchHead
from storage.errors import Unavailable
from storage.fields import learning
from storage.store import store
from storage.tally import Tally

log = structlog.get_logger(__name__)

#: Whatever its batch holds, the store takes this line where it takes any.
PLAIN = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"trial"}'


class _TakenBack(Exception):
    """The trial went well to its end; nothing of it is to stay."""


def write(batches: Sequence[Batch]) -> Tally:
    """Store the entries of `batches`, all or none, and certify it; return their tally. In the caller's transaction.

    Raises: `Refused`, `Unavailable`, `DatabaseError`.
    """
    tally = store().writer.write(batches)
    receipts.write(batches)
    return tally


def count(
    batches: Sequence[Batch],
    *,
    requests: Mapping[int, int],
    tally: Tally,
    found: Found | None = None,
    groups: Grouping | None = None,
) -> None:
    """Count stored batches, and what was found in some of them now, as usage of their hour; in the rollups; in groups.

    And note a sample of what fields their entries have.

    In the caller's transaction, at its end. Raises: `GroupingFailed`, `DatabaseError`.
    """
    rows = _usage(batches, requests=requests)
    if found:
        rows += [row for batch in batches for row in _findings(batch, found.get(batch.batch_id, NOTHING))]
    ledger.count(rows)
    rollups.write(tally)
    learning.note(batches)
    if groups:
        groups.count(batches)


def would_take(head: BatchHead) -> bool | None:
    """Tell whether a plain entry of this organisation, received when it was, would be stored now; None: who knows.

    It goes the whole way but for the COMMIT, in a savepoint of the caller's transaction: a store that does not join
    that cannot be tried. Raises: `Unavailable`, `DatabaseError` in an outage.
    """
    if not store().writer.joins_transaction:
        return None
    trial = Batch(**head.head() | {"batch_id": -head.batch_id}, lines=[PLAIN], indexes=[0])
    try:
        with transaction.atomic():
            count([trial], requests={trial.batch_id: 0}, tally=write([trial]))
            execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise _TakenBack
    except _TakenBack:
        return True
    except Exception as error:  # whatever it is, a bug of ours too: nothing would be stored
        if isinstance(error, Unavailable) or (isinstance(error, (DatabaseError, InterfaceError)) and is_outage(error)):
            raise
        log.warning("trial_failed", organisation_id=head.organisation_id, error=type(error).__name__)
        return False


def _findings(batch: Batch, findings: Findings) -> list[ledger.UsageRow]:
    of_batch = (batch.received_at.astimezone(UTC), batch.organisation_id, batch.api_key_id)
    return [ledger.UsageRow(*of_batch, outcome, 0, entries, 0) for outcome, entries in found_in(findings).items()]


def _usage(batches: Sequence[Batch], *, requests: Mapping[int, int]) -> list[ledger.UsageRow]:
    """Return one row for all batches of an hour and a key."""
    sums: dict[tuple[datetime, int, int], list[int]] = {}
    for batch in batches:
        hour = batch.taken_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        total = sums.setdefault((hour, batch.organisation_id, batch.api_key_id), [0, 0, 0])
        total[0] += requests[batch.batch_id]
        total[1] += len(batch.lines)
        total[2] += batch.size_bytes
    return [
        ledger.UsageRow(hour, organisation_id, api_key_id, "accepted", *total)
        for (hour, organisation_id, api_key_id), total in sums.items()
    ]
