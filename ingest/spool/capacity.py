"""Is there room for more batches: refuse in time, while the drain can still catch up and no disk is full yet.

A thread looks every few seconds, so that a request costs no look. What is not known to be full has room: a look that
fails refuses nobody.
"""

import os
import shutil
import time
from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import connection

from foundation.refusals import Refusal
from foundation.threads import Background
from ingest import doors
from ingest.metrics import CAPACITY_UNKNOWN, OVERFLOW_FULL
from ingest.spool import backlog
from ingest.spool.backlog import Backlog
from ingest.spool.waiting_time import WaitingTime

log = structlog.get_logger(__name__)

LIMITS = ("spool_bytes", "spool_age", "disk")

LOOK_EVERY_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.5
#: A process that has kept this part of the spool's limit since its last look, looks again at once.
HURRY_SHARE = 1 / 32
#: Full until below this share of the limit, so that an installation at its limit does not change its mind at each look.
ROOM_BELOW = 0.9
FORGET_AFTER_SECONDS = 30.0
RETRY_AFTER_SECONDS = 30
#: Of what is deferred an organisation may have so much in the spool, and no more than this part of the spool's limit.
MOST_DEFERRED_BYTES, MOST_DEFERRED_SHARE = 64 * 2**20, 0.1


class Capacity:
    """What this process knows about the room that is left in the spool and on the disks."""

    def __init__(self) -> None:
        pause = LOOK_AGAIN_SECONDS
        self._thread = Background("capacity", self._look_and_hang_up, gather=pause, every=LOOK_EVERY_SECONDS - pause)
        self.forget()

    def forget(self) -> None:
        """Begin anew, as in a process that was just forked."""
        self._full: frozenset[str] = frozenset()
        self._looked_at = 0.0
        self._kept_bytes = 0
        self._waiting_time = WaitingTime()
        self._deferred_bytes: dict[int, int] = {}

    def require(self) -> None:
        """Return if there is room, as far as is known. No I/O. Raises: Refusal `backlog_full`."""
        if self.is_full():
            raise Refusal("backlog_full", retry_after_seconds=RETRY_AFTER_SECONDS)

    def is_full(self) -> bool:
        """Tell whether there is no room, as far as is known. No I/O."""
        return bool(self._full) and time.monotonic() - self._looked_at < FORGET_AFTER_SECONDS

    def kept(self, size_bytes: int) -> None:
        """Note a batch that was kept, so that the thread looks early after many bytes. No I/O."""
        self._kept_bytes += size_bytes  # threads may lose an addition: a hint, not a count
        if self._kept_bytes > settings.SPOOL_MAX_BYTES * HURRY_SHARE:
            self.watch()

    def lets_defer(self, organisation_id: int) -> bool:
        """Tell whether an organisation has room for more that is deferred, as far as is known. No I/O."""
        return self._deferred_bytes.get(organisation_id, 0) < most_deferred_bytes()

    def full_lanes(self) -> list[int]:
        """Return the organisations that have no such room, as far as is known. No I/O."""
        return sorted(one for one in self._deferred_bytes if not self.lets_defer(one))

    def deferred(self, organisation_id: int, size_bytes: int) -> None:
        """Note a batch that was deferred; until the next look it counts uncompressed. No I/O."""
        known = self._deferred_bytes
        known[organisation_id] = known.get(organisation_id, 0) + size_bytes + backlog.ROW_BYTES
        if known[organisation_id] >= most_deferred_bytes():
            self.watch()

    def look(self) -> frozenset[str]:
        """Look now; return which of `LIMITS` are reached. Raises: `OperationalError`."""
        self._kept_bytes = 0
        CAPACITY_UNKNOWN.set(1)  # until everything has been seen
        spool = backlog.measure()
        shares = self._shares(spool)
        full = frozenset(name for name, share in shares if share >= (ROOM_BELOW if name in self._full else 1))
        if full != self._full:
            log.warning("capacity_changed", full=sorted(full))
        self._full, self._looked_at = full, time.monotonic()
        self._deferred_bytes = backlog.deferred_bytes() if spool.deferred_rows else {}
        OVERFLOW_FULL.set(len(self.full_lanes()))
        CAPACITY_UNKNOWN.set(not all(map(os.path.exists, settings.DISK_PATHS)))
        return full

    def watch(self) -> None:
        """Have this process's thread look now, and then every few seconds."""
        self._thread.wake()

    def _shares(self, spool: Backlog) -> Iterator[tuple[str, float]]:
        """Yield what may be full, and how much of its limit is reached."""
        seconds = self._waiting_time.of(spool.oldest_delaying_seconds, clock=spool.clock)
        yield "spool_bytes", spool.bytes / settings.SPOOL_MAX_BYTES
        yield "spool_age", seconds / settings.SPOOL_MAX_AGE_SECONDS
        yield "disk", max(map(_disk_share, settings.DISK_PATHS), default=0)

    def _look_and_hang_up(self) -> None:
        try:
            if not self.look():
                doors.note_open()
        finally:
            connection.close()  # none is held for a statement every few seconds


def most_deferred_bytes() -> float:
    """Return how much an organisation may have deferred."""
    share: float = settings.SPOOL_MAX_BYTES * MOST_DEFERRED_SHARE
    return min(MOST_DEFERRED_BYTES, share)


capacity = Capacity()
os.register_at_fork(after_in_child=capacity.forget)


def _disk_share(path: str) -> float:
    """Return the free space that must be, as a share of the free space that is."""
    try:
        disk = shutil.disk_usage(path)
    except OSError as error:
        log.warning("disk_unknown", error=type(error).__name__)
        return 0
    required: float = max(settings.DISK_MIN_FREE_BYTES, disk.total * settings.DISK_MIN_FREE_PERCENT / 100)
    return required / max(disk.free, 1)
