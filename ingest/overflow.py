"""The overflow lane: what finds its bucket empty is kept and charged at once, and stored when a token would have come.

For keys that ask for it. Agents wait by themselves: they are refused as ever.
"""

import math
from datetime import UTC, datetime

from accounts.caller import Caller
from ingest.models import SLOT_SECONDS
from ingest.protocol import Protocol
from ingest.spool.capacity import capacity

#: How many entries of a request are deferred.
HEADER = "X-RateLimit-Deferred"


def may_defer(caller: Caller, protocol: Protocol) -> bool:
    """Tell whether what `caller` sends beyond a limit may be kept for later. No I/O."""
    return caller.keeps_overflow and not protocol.is_agent and capacity.lets_defer(caller.organisation_id)


def due_at(deferred_ms: int, *, now: float) -> datetime | None:
    """Return when a batch is stored that was deferred at `now` (Unix seconds), by our clock: as `DEFERRED_UNTIL`."""
    if not deferred_ms:
        return None
    return datetime.fromtimestamp(SLOT_SECONDS * math.ceil((now + deferred_ms / 1_000) / SLOT_SECONDS), UTC)
