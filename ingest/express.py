"""The express lane's way through this room: from a known caller's plain body to the answer.

Small bodies are read on the event loop, larger ones on a thread. Whatever it cannot vouch for it leaves to the view,
before anything is taken; what goes wrong after that goes there with what was found, and the view does none of it again.
Limits refuse here, in the view's words. The view stays the one definition of the contract.
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
from foundation.refusals import Refusal
from ingest import metrics
from ingest.acceptance import Accepted, Packed, Request, deferred, packed_for, read
from ingest.intake import count
from ingest.overflow import may_defer
from ingest.protocol import Protocol, Reply, Wishes
from ingest.spool import group_commit
from ingest.spool.capacity import capacity
from ingest.spool.group_commit import MOST_BATCHES, MOST_BYTES, Outcome
from ingest.spool.nudge import nudge
from ingest.spool.table import Row, rows_of
from privacy.effort import TooMuch
from privacy.policies import remembered as remembered_scrubber
from privacy.scrubbing import QuickScrubber, Scrubber
from quotas import room
from quotas.buckets import Hierarchy, Verdict
from quotas.limiter import limiter
from quotas.outcomes import note
from quotas.throttling import refused_for_sure, remembered_hierarchy

MAX_BODY_BYTES = 2**20
#: What is read at once, on the event loop.
AT_ONCE_BYTES, AT_ONCE_ENTRIES = 16 * 2**10, 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """What is needed to go by the lane: nothing of it has been taken yet."""

    caller: Caller
    protocol: Protocol
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
class Answered:
    """What to answer: the batch is safe, or a limit has no room for it. `code` is how that is counted."""

    reply: Reply
    verdict: Verdict
    code: str | int


def is_for(caller: Caller) -> bool:
    """Tell whether requests of a caller may go by the lane at the moment, whatever is in them."""
    return not (
        caller.allowed_networks
        or caller.is_public  # has an allowance, and limits by address
        or Scope.INGEST not in caller.scopes
        or capacity.is_full()
    )


def vouch(caller: Caller, protocol: Protocol, body: bytes, *, at_once: bool) -> Pass | None:
    """Look at the body of whom the lane is for, `at_once` only if that takes no time; None leaves it to the view."""
    hierarchy = remembered_hierarchy(caller, area="ingest", overflow=may_defer(caller, protocol))
    scrubber = remembered_scrubber(caller.organisation_id)
    if hierarchy is None or scrubber is None:
        return None
    wishes = Wishes(lenient=caller.keeps_valid_entries, minimum_level=caller.minimum_level)
    request = Request(caller=caller, protocol=protocol, wishes=wishes, body=body, scrubber=scrubber)
    packed = _packed_at_once(request, scrubber) if at_once else _packed(request)
    if packed is None or len(packed.parts) > 1:
        return None
    row = rows_of(caller, packed.parts)[0] if packed.parts else None
    return Pass(caller=caller, protocol=protocol, hierarchy=hierarchy, row=row, accepted=packed.accepted)


def _packed_at_once(request: Request, scrubber: Scrubber) -> Packed | None:
    incoming = request.protocol.read_at_once(request.body, request.wishes, at_most=AT_ONCE_ENTRIES)
    if incoming is None:
        return None
    try:
        return packed_for(replace(request, scrubber=QuickScrubber(scrubber)), incoming)
    except TooMuch:
        return None


def _packed(request: Request) -> Packed | None:
    try:
        return packed_for(request, read(request))
    except Refusal:
        return None


async def take(given: Pass, *, request_id: str) -> Answered | Found:
    """Take a token and keep the batch, or refuse it by a limit; what else stands in the way is found for the view."""
    found = Found(caller=given.caller)
    try:
        found = await _asked(given)
        if found.outcome is Outcome.HELD and given.row:
            found = replace(found, outcome=await group_commit.keep_apart(given.row))
        if found.verdict is None or found.outcome is not Outcome.KEPT:
            return _refused(given, found, request_id) or found
        reach("after_commit")
        accepted = deferred(given.accepted, given.protocol, deferred_ms=found.verdict.deferred_ms)
        count(given.caller, accepted, given.protocol)
        metrics.EXPRESS_BATCHES.inc()
        nudge()
        reach("before_answer")
    except Exception as error:  # whatever it is, the view says it
        return replace(found, outcome=error)
    return Answered(reply=accepted.reply, verdict=found.verdict, code=accepted.reply.status)


def _refused(given: Pass, found: Found, request_id: str) -> Answered | None:
    """Refuse by a limit, as far as this process knows all there is to say of it."""
    refusal = None
    if found.verdict and not found.verdict.allowed:
        refusal = refused_for_sure(found.caller, found.verdict, area="ingest")
    elif found.outcome is Outcome.REFUSED:
        refusal = room.remembered_refusal(found.caller.organisation_id)
    if found.verdict is None or refusal is None:
        return None
    note(found.caller, refusal.code)
    reply = given.protocol.refusal(refusal, request_id=request_id)
    return Answered(reply=reply, verdict=found.verdict, code=refusal.code)


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
    kept = _keep_all([row for index in to_keep if (row := _deferred_row(passes[index], verdicts[index]))])
    for index, outcome in zip(to_keep, kept, strict=True):
        outcomes[index] = outcome
    return [
        Found(caller=one.caller, verdict=verdict, outcome=outcome)
        for one, verdict, outcome in zip(passes, verdicts, outcomes, strict=True)
    ]


def _deferred_row(one: Pass, verdict: Verdict) -> Row | None:
    """Return the row of a request, which from now on says for how long it is deferred."""
    if one.row:
        one.row["deferred_ms"] = verdict.deferred_ms
    return one.row


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
