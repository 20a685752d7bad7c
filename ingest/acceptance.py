"""From canonical entries to the 200: scrub, pack, charge, keep. When it returns, they are safe; else nothing is."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from accounts.caller import Caller
from foundation.faults import reach
from foundation.postgres import PromptTransaction
from foundation.refusals import Refusal
from ingest.canonical import encode_entries
from ingest.overflow import HEADER, due_at
from ingest.protocol import Incoming, Kept, Protocol, Reply, Wishes
from ingest.spool import group_commit, idempotency, table
from ingest.spool.idempotency import Remembered
from ingest.spool.payload import pack
from ingest.spool.table import Part
from privacy.scrubbing import Findings, QuickScrubber, Scrubber, in_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What one request brings, once its caller is known."""

    caller: Caller
    protocol: Protocol
    wishes: Wishes
    body: bytes
    scrubber: Scrubber | QuickScrubber
    idempotency_key: str | None = None
    deferred_ms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What to answer, and what became of the entries: nothing new when the request was a repetition."""

    reply: Reply
    kept: Kept | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What is to be kept, and what to answer when it is."""

    parts: Sequence[Part]
    accepted: Accepted


def accept(request: Request) -> Accepted:
    """Keep what is in the body; when this returns, it is safe. Raises: `Refusal`, `OperationalError`."""
    packed = packed_for(request, read(request))
    if request.idempotency_key is not None:
        return _accept_once(request, request.idempotency_key, packed)
    if packed.parts:
        keep = group_commit.accept if settings.GROUP_COMMIT and not request.caller.is_public else table.accept
        keep(request.caller, packed.parts, deferred_ms=request.deferred_ms)
    reach("after_commit")
    return packed.accepted


def read(request: Request) -> Incoming:
    """Read the entries of the body, as many as its protocol allows. Raises: `Refusal`."""
    incoming, at_most = request.protocol.read(request.body, request.wishes), request.protocol.max_entries
    if len(incoming.entries) > at_most:
        raise Refusal("body_too_large", f"A request may hold at most {at_most:,} entries.")
    return incoming


def packed_for(request: Request, incoming: Incoming) -> Packed:
    """Return what a request asks to keep, as the spool has it, and its answer."""
    encoded = list(_encoded(incoming, request.scrubber))
    parts = [part for part, _ in encoded]
    kept = Kept(
        organisation_id=request.caller.organisation_id,
        incoming=incoming,
        size_bytes=sum(part.size_bytes for part in parts),
        wishes=request.wishes,
        findings=in_all(findings for _, findings in encoded),
    )
    accepted = Accepted(reply=request.protocol.answer(kept), kept=kept)
    return Packed(parts=parts, accepted=deferred(accepted, request.protocol, deferred_ms=request.deferred_ms))


def deferred(accepted: Accepted, protocol: Protocol, *, deferred_ms: int) -> Accepted:
    """Return what to say of the same batch when it is deferred by so much; without entries nothing is."""
    kept = accepted.kept
    if not (deferred_ms and kept and kept.incoming.entries):
        return accepted
    later = replace(kept, deferred_until=due_at(deferred_ms, now=time.time()))
    reply = protocol.answer(later)
    headers = {**reply.headers, HEADER: str(len(kept.incoming.entries))}
    return Accepted(reply=replace(reply, headers=headers), kept=later)


def _accept_once(request: Request, key: str, packed: Packed) -> Accepted:
    reply = packed.accepted.reply
    answer = Remembered(body=reply.body, media_type=reply.media_type)
    with PromptTransaction():
        earlier = idempotency.remember(request.caller.api_key_id, key, body=request.body, answer=answer)
        if earlier is not None:
            reply = Reply(body=earlier.body, media_type=earlier.media_type, headers={"Idempotency-Replayed": "true"})
            return Accepted(reply=reply, kept=None)
        if packed.parts:
            table.accept(request.caller, packed.parts, deferred_ms=request.deferred_ms)
        reach("before_commit")
    reach("after_commit")
    return packed.accepted


def _encoded(incoming: Incoming, scrubber: Scrubber | QuickScrubber) -> Iterator[tuple[Part, Findings]]:
    """Yield the parts of a request, packed one by one, and what was found in each."""
    for part in encode_entries(incoming.entries, scrubber):
        yield (
            Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes),
            part.findings,
        )
