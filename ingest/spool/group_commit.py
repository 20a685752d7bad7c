"""The usual way into the spool: batches that wait at the same moment share a statement and its flush.

Each is answered as if it had come alone. A group waits for no row, and one whose quota is spent spoils nobody's: an
organisation that another session holds goes for a second in groups of its own batches, which wait for its row; one
with no room for the sum of its batches goes batch by batch.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from enum import Enum, auto
from functools import partial
from threading import Lock
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from accounts.caller import Caller
from foundation import statements
from foundation.arrays import Blobs, Texts
from foundation.expiring import Expiring
from foundation.lane import Lane
from foundation.outages import is_outage
from foundation.postgres import DEADLINE_SECONDS, array_of, discard_if_dead, fetch_one
from ingest import metrics
from ingest.models import SLOT_SECONDS
from ingest.spool import table
from ingest.spool.table import COLUMNS, Part, Row
from quotas import ledger

#: How many batches share a statement, and up to which size: the flush is dear, but nobody waits for much else.
MOST_BATCHES, MOST_BYTES = 256, 8 * 2**20
#: For how long an organisation goes apart from the others.
APART_SECONDS = 1.0
#: Threads on which they go that came by the express lane; each keeps a connection to PostgreSQL, as the one for all.
HELPERS_APART = 4
#: How many organisations that go apart are remembered.
MOST_APART = 10_000

KEEP_WHAT_IS_FREE, KEEP_WHEN_FREE = (
    statements.read(
        __file__,
        "keep_group",
        columns=COLUMNS,
        hold=hold,
        charge=ledger.CHARGE_HELD,
        deferred_until=table.DEFERRED_UNTIL.format(deferred_ms="batch.deferred_ms", slot=SLOT_SECONDS),
    )
    for hold in (f"{ledger.HOLD} SKIP LOCKED", ledger.HOLD)
)
#: The same for one batch, at half the price; they do not tell why it was not kept.
FOR_ONE = {KEEP_WHAT_IS_FREE: table.ACCEPT_IF_FREE, KEEP_WHEN_FREE: table.ACCEPT}


class Outcome(Enum):
    """What became of a batch in its group; an exception where that cannot be said."""

    KEPT = auto()
    REFUSED = auto()  # the quota has no room for it
    HELD = auto()  # nothing yet: somebody else holds its organisation's row, or there is none this month
    ALONE = auto()  # nothing yet: it has to be asked for this one batch


Group = Lane[Row, Outcome]
Kept = TypeVar("Kept", bound=Outcome | Exception)


class GroupCommit:
    """The lanes of this process: one for all, and those of organisations that go apart."""

    def __init__(self) -> None:
        self._helpers_apart = ThreadPoolExecutor(HELPERS_APART, "keep-apart")
        self._together = _lane(KEEP_WHAT_IS_FREE)
        self._apart: Expiring[int, Group] = Expiring(capacity=MOST_APART)
        self._one_by_one: Expiring[int, bool] = Expiring(capacity=MOST_APART)
        self._lock = Lock()

    def accept(self, caller: Caller, parts: Sequence[Part], *, deferred_ms: int = 0) -> None:
        """Keep `parts`, deferred by so much, and charge `caller`'s organisation; when this returns, they are on disk.

        Joins the transaction of a caller that has one. Raises: `Refusal` `quota_exhausted`; `OperationalError`.
        """
        organisation = caller.organisation_id
        if len(parts) > 1 or connection.in_atomic_block or self._one_by_one.get(organisation):
            outcome = Outcome.ALONE
        else:
            outcome = self._keep(table.rows_of(caller, parts, deferred_ms=deferred_ms)[0], organisation)
        if outcome is Outcome.REFUSED and not settings.CORE_URL:  # an edge may borrow
            raise ledger.exhausted(organisation)
        if outcome is not Outcome.KEPT:
            table.accept(caller, parts, deferred_ms=deferred_ms)

    def keep_all(self, rows: Sequence[Row]) -> list[Outcome | Exception]:
        """Keep batches that came together; return what became of each.

        `HELD` may be tried by `keep_apart`, which takes its time; `ALONE` by `table.accept`.
        """
        outcomes: list[Outcome | Exception] = [self._outcome_before(row) for row in rows]
        together = [index for index, outcome in enumerate(outcomes) if outcome is Outcome.KEPT]
        try:
            kept = self._together.do_all([rows[index] for index in together]) if together else ()
        except TimeoutError:
            kept = [_impatience()] * len(together)
        for index, outcome in zip(together, kept, strict=True):
            outcomes[index] = self._noted(outcome, rows[index]["organisation_id"])
        return outcomes

    async def keep_apart(self, row: Row) -> Outcome:
        """Keep a batch in the groups of its own organisation. Raises: `OperationalError`, or as the database."""
        organisation = row["organisation_id"]
        try:
            outcome = await self._own_lane(organisation).ask(row)
        except TimeoutError as error:
            raise _impatience() from error
        return self._noted(outcome, organisation)

    def _outcome_before(self, row: Row) -> Outcome:
        """Return what is known before a batch is tried; `KEPT` stands for nothing."""
        organisation = row["organisation_id"]
        if ledger.has_no_room(organisation, row["part_bytes"]):
            return Outcome.REFUSED
        if self._one_by_one.get(organisation):
            return Outcome.ALONE
        return Outcome.HELD if self._apart.get(organisation) else Outcome.KEPT

    def _keep(self, row: Row, organisation: int) -> Outcome:
        try:
            return self._noted(self._keep_in_a_group(row, organisation), organisation)
        except TimeoutError as error:
            raise _impatience() from error

    def _keep_in_a_group(self, row: Row, organisation: int) -> Outcome:
        lane = self._apart.get(organisation)
        if lane is None:
            outcome = self._together.do(row)
            if outcome is not Outcome.HELD:
                return outcome
            lane = self._own_lane(organisation)
        return lane.do(row)

    def _noted(self, outcome: Kept, organisation: int) -> Kept:
        """Remember an organisation that has no room for the sum of its batches."""
        if outcome is Outcome.ALONE:
            self._one_by_one.put(organisation, True, until=time.monotonic() + APART_SECONDS)
        return outcome

    def _own_lane(self, organisation: int) -> Group:
        with self._lock:
            lane = self._apart.get(organisation)
            if lane is None:
                lane = _lane(KEEP_WHEN_FREE, self._helpers_apart)
                self._apart.put(organisation, lane, until=time.monotonic() + APART_SECONDS)
            return lane


def _lane(statement: str, helpers: Executor | None = None) -> Group:
    return Lane(
        partial(_keep, statement),
        size_of=lambda row: len(row["payload"]),
        most_items=MOST_BATCHES,
        most_bytes=MOST_BYTES,
        patience_seconds=DEADLINE_SECONDS,
        helpers=helpers,
    )


def _impatience() -> OperationalError:
    return OperationalError("No group took the batch in time.")


def _keep(statement: str, rows: Sequence[Row]) -> list[Outcome | Exception]:
    """Keep a group in one transaction; return what became of each row. Raises: `OperationalError`."""
    discard_if_dead()
    table.numbered(rows)
    session = table.session()
    metrics.COMMIT_GROUPS.observe(len(rows))
    try:
        return _outcomes(rows, *_run(statement, rows))
    except (DatabaseError, InterfaceError) as error:
        if is_outage(error):
            kept = table.kept_nevertheless([row["batch_id"] for row in rows], session=session)
            return [Outcome.KEPT if row["batch_id"] in kept else error for row in rows]
        if len(rows) == 1:
            raise
        return [Outcome.ALONE] * len(rows)  # one of them is at fault: it alone will hear of it


def _run(statement: str, rows: Sequence[Row]) -> tuple[set[int], set[int]]:
    """Return the organisations whose rows were kept, and those whose quota has no room for theirs."""
    if len(rows) == 1 and fetch_one(FOR_ONE[statement], rows[0]):
        return {rows[0]["organisation_id"]}, set()
    columns = {
        "batch_ids": array_of(row["batch_id"] for row in rows),
        "organisation_ids": array_of(row["organisation_id"] for row in rows),
        "api_key_ids": array_of(row["api_key_id"] for row in rows),
        "projects": Texts(row["project"] for row in rows),
        "environments": Texts(row["environment"] for row in rows),
        "entries": array_of(row["part_entries"] for row in rows),
        "sizes_bytes": array_of(row["part_bytes"] for row in rows),
        "payloads": Blobs(row["payload"] for row in rows),
        "deferred_ms": array_of(row["deferred_ms"] for row in rows),
    }
    found = fetch_one(statement, columns)
    if statement is KEEP_WHEN_FREE and found == (None, None):  # of the one organisation there is no row yet
        ledger.open_month(rows[0]["organisation_id"])
        found = fetch_one(statement, columns)
    assert found
    kept, full = found
    return set(kept or ()), set(full or ())


def _outcomes(rows: Sequence[Row], kept: set[int], full: set[int]) -> list[Outcome | Exception]:
    organisations = [row["organisation_id"] for row in rows]

    def outcome(organisation: int) -> Outcome:
        if organisation in kept:
            return Outcome.KEPT
        if organisation not in full:
            return Outcome.HELD
        return Outcome.REFUSED if organisations.count(organisation) == 1 else Outcome.ALONE

    return [outcome(organisation) for organisation in organisations]


def accept(caller: Caller, parts: Sequence[Part], *, deferred_ms: int = 0) -> None:
    """Keep `parts` with whatever else this process keeps at the moment: see `GroupCommit.accept`."""
    _of_this_process.accept(caller, parts, deferred_ms=deferred_ms)


def keep_all(rows: Sequence[Row]) -> list[Outcome | Exception]:
    """Keep batches that came together: see `GroupCommit.keep_all`."""
    return _of_this_process.keep_all(rows)


async def keep_apart(row: Row) -> Outcome:
    """Keep a batch that was `HELD`: see `GroupCommit.keep_apart`."""
    return await _of_this_process.keep_apart(row)


def _begin_anew() -> None:
    global _of_this_process
    _of_this_process = GroupCommit()


_of_this_process = GroupCommit()
os.register_at_fork(after_in_child=_begin_anew)  # a lane's leader is a thread of the parent
