"""The express lane's way through this room, on the event loop: from a known caller's small body to the answer.

Whatever it cannot vouch for in one look it leaves to the view, before anything is taken; what is refused after that
goes there with what was found, and the view does none of it again. The view stays the one definition of the contract.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from django.db import OperationalError

from accounts.caller import Caller
from accounts.scopes import Scope
from foundation.faults import reach
from foundation.lane import Lane
from foundation.postgres import DEADLINE_SECONDS
from ingest import metrics
from ingest.acceptance import Accepted, Request, packed_for
from ingest.intake import count
from ingest.protocol import Protocol, Reply, Wishes
from ingest.spool import group_commit
from ingest.spool.capacity import capacity
from ingest.spool.group_commit import MOST_BATCHES, MOST_BYTES, Outcome
from ingest.spool.nudge import nudge
from ingest.spool.table import Row, rows_of
from privacy.effort import TooMuch
from privacy.policies import remembered as remembered_scrubber
from privacy.scrubbing import QuickScrubber
from quotas.buckets import Hierarchy, Verdict
from quotas.limiter import limiter
from quotas.throttling import remembered_hierarchy

MAX_BODY_BYTES = 16 * 2**10
MAX_ENTRIES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """What is needed to go by the lane: nothing of it has been taken yet."""

    caller: Caller
    hierarchy: Hierarchy
    row: Row | None  # none when all entries are below the key's level
    accepted: Accepted


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What became of a request that the view has to answer: so far."""

    caller: Caller
    verdict: Verdict | None = None  # of the buckets; None: they were not asked
    outcome: Outcome | Exception | None = None  # of keeping the batch; None: that was not tried


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A batch that is safe, and its answer."""

    reply: Reply
    verdict: Verdict


def vouch(caller: Caller, protocol: Protocol, body: bytes) -> Pass | None:
    """Look at a caller's body; None leaves it to the view."""
    hierarchy, scrubber = remembered_hierarchy(caller, area="ingest"), remembered_scrubber(caller.organisation_id)
    if (
        hierarchy is None
        or scrubber is None
        or caller.allowed_networks
        or Scope.INGEST not in caller.scopes
        or capacity.is_full()
    ):
        return None
    wishes = Wishes(lenient=caller.keeps_valid_entries, minimum_level=caller.minimum_level)
    incoming = protocol.read_at_once(body, wishes, at_most=MAX_ENTRIES)
    if incoming is None:
        return None
    request = Request(caller=caller, protocol=protocol, wishes=wishes, body=body, scrubber=QuickScrubber(scrubber))
    try:
        packed = packed_for(request, incoming)
    except TooMuch:
        return None
    row = rows_of(caller, packed.parts)[0] if packed.parts else None
    return Pass(caller=caller, hierarchy=hierarchy, row=row, accepted=packed.accepted)


async def take(given: Pass) -> Taken | Found:
    """Take a token and keep the batch; what stands in the way is found for the view."""
    found = Found(caller=given.caller)
    try:
        found = await _asked(given)
        if found.outcome is Outcome.HELD and given.row:
            found = replace(found, outcome=await group_commit.keep_apart(given.row))
        if found.verdict is None or found.outcome is not Outcome.KEPT:
            return found
        reach("after_commit")
        count(given.caller, given.accepted)
        metrics.EXPRESS_BATCHES.inc()
        nudge()
        reach("before_answer")
    except Exception as error:  # whatever it is, the view says it
        return replace(found, outcome=error)
    return Taken(reply=given.accepted.reply, verdict=found.verdict)


async def _asked(given: Pass) -> Found:
    try:
        return await _lane.ask(given)
    except TimeoutError as error:
        raise OperationalError("The express lane was busy for too long.") from error


def _take_all(passes: Sequence[Pass]) -> list[Found]:
    """Take the tokens of requests that came together in one call of the buckets; keep the batches of those that may."""
    verdicts = limiter.take_for_each([one.hierarchy for one in passes])
    outcomes = [_outcome_before(verdict) for verdict in verdicts]
    to_keep = [index for index, one in enumerate(passes) if outcomes[index] is Outcome.KEPT and one.row]
    kept = _keep_all([row for index in to_keep if (row := passes[index].row)])
    for index, outcome in zip(to_keep, kept, strict=True):
        outcomes[index] = outcome
    return [
        Found(caller=one.caller, verdict=verdict, outcome=outcome)
        for one, verdict, outcome in zip(passes, verdicts, outcomes, strict=True)
    ]


def _outcome_before(verdict: Verdict) -> Outcome | Exception | None:
    """Return what is known before a batch is tried; `KEPT` stands for nothing."""
    if not verdict.allowed:
        return None
    try:
        reach("after_authentication")
    except Exception as error:
        return error
    return Outcome.KEPT


def _keep_all(rows: Sequence[Row]) -> Sequence[Outcome | Exception]:
    try:
        return group_commit.keep_all(rows) if rows else ()
    except Exception as error:  # tokens have been taken: whatever it is, it is of each of these
        return [error] * len(rows)


def _begin_anew() -> None:
    global _lane
    _lane = Lane(
        _take_all,
        size_of=lambda one: len(one.row["payload"]) if one.row else 0,
        most_items=MOST_BATCHES,
        most_bytes=MOST_BYTES,
        patience_seconds=DEADLINE_SECONDS,
        helpers=ThreadPoolExecutor(1, "express"),
    )


_lane: Lane[Pass, Found]
_begin_anew()
os.register_at_fork(after_in_child=_begin_anew)  # a helper is a thread of the parent
