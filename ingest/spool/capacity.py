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
from ingest.metrics import CAPACITY_UNKNOWN
from ingest.spool import backlog
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

    def look(self) -> frozenset[str]:
        """Look now; return which of `LIMITS` are reached. Raises: `OperationalError`."""
        self._kept_bytes = 0
        CAPACITY_UNKNOWN.set(1)  # until everything has been seen
        full = frozenset(name for name, share in self._shares() if share >= (ROOM_BELOW if name in self._full else 1))
        if full != self._full:
            log.warning("capacity_changed", full=sorted(full))
        self._full, self._looked_at = full, time.monotonic()
        CAPACITY_UNKNOWN.set(not all(map(os.path.exists, settings.DISK_PATHS)))
        return full

    def watch(self) -> None:
        """Have this process's thread look now, and then every few seconds."""
        self._thread.wake()

    def _shares(self) -> Iterator[tuple[str, float]]:
        """Yield what may be full, and how much of its limit is reached."""
        spool = backlog.measure()
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
