"""The way of a body to its 200: validate, pack, keep. All or nothing, unless the caller asked for leniency."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from accounts.caller import Caller
from foundation.faults import reach
from foundation.postgres import PromptTransaction
from ingest.protocols.luminalog.wire import ParsedBatch, encode_entries, parse_batch
from ingest.spool import idempotency, table
from ingest.spool.payload import pack
from ingest.spool.table import Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The body of a 200 as JSON, and what became of the batch."""

    json: bytes
    entries: int
    size_bytes: int
    below_level: int
    is_replay: bool = False


def accept(caller: Caller, body: bytes, *, lenient: bool, idempotency_key: str | None = None) -> Answer:
    """Keep the batch in `body`; when this returns, it is safe. Raises: `Refusal`, `OperationalError`."""
    batch = parse_batch(body, lenient=lenient, minimum_level=caller.minimum_level)
    parts = [
        Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes)
        for part in encode_entries(batch.entries)
    ]
    answer = _answer(batch, parts, lenient=lenient)
    if idempotency_key is not None:
        return _accept_once(caller, parts, answer, body=body, key=idempotency_key)
    if parts:
        table.accept(caller, parts)
    reach("after_commit")
    return answer


def _accept_once(caller: Caller, parts: Sequence[Part], answer: Answer, *, body: bytes, key: str) -> Answer:
    with PromptTransaction():
        earlier = idempotency.remember(caller.organisation_id, key, body=body, answer=answer.json.decode())
        if earlier is not None:
            return Answer(json=earlier.encode(), entries=0, size_bytes=0, below_level=0, is_replay=True)
        if parts:
            table.accept(caller, parts)
        reach("before_commit")
    reach("after_commit")
    return answer


def _answer(batch: ParsedBatch, parts: Sequence[Part], *, lenient: bool) -> Answer:
    size_bytes = sum(part.size_bytes for part in parts)
    members: dict[str, Any] = {
        "message": "Logs ingested successfully",
        "processed": len(batch.entries),
        "bytes_used": size_bytes,
    }
    if lenient:
        members |= {"rejected": batch.rejected, "errors": [asdict(error) for error in batch.errors]}
    return Answer(
        json=msgspec.json.encode(members),
        entries=len(batch.entries),
        size_bytes=size_bytes,
        below_level=batch.below_level,
    )
