"""What spares the store: panels that many look at are answered once, and dashboards never have all places for reads.

An answer is kept as long as the next range is another: so a screen that is refreshed costs what its panels cost once a
minute, however many look at it. Who asks while somebody else is being answered comes again; nobody waits on a thread.
"""

import time
from collections.abc import Callable, Hashable
from threading import Lock

from django.conf import settings

from explore.metrics import PANELS
from foundation.expiring import Expiring
from foundation.refusals import Refusal
from foundation.shares import Shares

#: One place for reads is never a dashboard's, and one of theirs never all of one organisation's.
PLACES = Shares(max(1, settings.READS_PER_PROCESS - 1), for_each=max(1, settings.READS_PER_PROCESS // 2))
MOST_KEPT, MOST_KEPT_BYTES = 256, 32 * 1024
AGAIN_SECONDS = 1

_kept: Expiring[Hashable, bytes] = Expiring(capacity=MOST_KEPT)
_asking: set[Hashable] = set()
_lock = Lock()


def spared(key: Hashable, make: Callable[[], bytes], *, owner: int, seconds: float) -> bytes:
    """Return what was answered within `seconds`, or make it. Raises: `Refusal` `overloaded`, and as `make` does."""
    kept = _kept.get(key)
    if kept is not None:
        PANELS.labels("memory").inc()
        return kept
    with _lock:
        is_asked = key in _asking
        if is_asked or not PLACES.take(1, owner=owner):
            PANELS.labels("nobody").inc()
            raise Refusal("overloaded", retry_after_seconds=AGAIN_SECONDS)
        _asking.add(key)
    try:
        made = make()
        PANELS.labels("store").inc()
        if len(made) <= MOST_KEPT_BYTES:
            _kept.put(key, made, until=time.monotonic() + seconds)
        return made
    finally:
        with _lock:
            _asking.discard(key)
        PLACES.give_back(1, owner=owner)


def forget() -> None:
    """Forget what was answered."""
    _kept.clear()
