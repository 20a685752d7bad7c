"""The same buckets in the memory of one process, for the time when Valkey does not answer."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from quotas.buckets import MICROSECONDS, TOKEN, BucketLevel, Verdict, deferral, keys_of, rounded_up

MINUTE = 60 * MICROSECONDS
MAX_BUCKETS = 10_000


@dataclass(slots=True)
class LocalBucket:
    """What was missing from a bucket at a moment in microseconds; in parts of a token, as in `take_tokens.lua`."""

    missing: int  # more than the capacity: a debt
    at: int
    capacity: int
    rate: int  # parts a microsecond

    def fill(self, level: BucketLevel, *, capacity: int, now: int) -> None:
        """Give back what time has given back, under the level's limits of today."""
        debt = max(0, self.missing - self.capacity)
        self.missing = min(self.missing - debt, capacity) + min(debt, capacity)
        self.capacity, self.rate = capacity, level.per_minute
        self.missing = max(0, self.missing - max(0, now - self.at) * self.rate)
        self.at = now

    def microseconds_until(self, parts: int) -> int:
        """Return how long until `parts` can be taken; 0 when they can be now."""
        return max(0, -(-(parts + self.missing - self.capacity) // self.rate))


class LocalBuckets:
    """One process's part of every bucket, when there are `processes`; never less than one token."""

    def __init__(self, *, processes: int = 1) -> None:
        self._token = MINUTE * processes  # then a process's share of the rate is a whole number of parts
        self._buckets: LRUCache[str, LocalBucket] = LRUCache(MAX_BUCKETS)  # an idle bucket is full: nothing to remember
        self._lock = threading.Lock()

    def take(self, levels: Sequence[BucketLevel], *, cost: int = TOKEN, now: int | None = None) -> Verdict:
        """Do what `buckets.take` does; `now` is in microseconds of a clock that never steps back."""
        now = time.monotonic_ns() // 1000 if now is None else now
        parts = cost * self._token // TOKEN
        with self._lock:
            buckets = [self._filled(level, now=now) for level in levels]
            waits = [bucket.microseconds_until(parts) for bucket in buckets]
            behind = [self._behind(level, now=now) if wait else None for level, wait in zip(levels, waits, strict=True)]
            deferred = self._deferral(behind, waits, parts)
            if deferred is not None or not any(waits):
                for bucket, other in zip(buckets, behind, strict=True):
                    (other or bucket).missing += parts
            return self._verdict(buckets, levels, waits=waits, deferred=deferred)

    def settle(self, levels: Sequence[BucketLevel], *, cost: int, paid: int = 0, now: int | None = None) -> Verdict:
        """Do what `buckets.settle` does."""
        now = time.monotonic_ns() // 1000 if now is None else now
        with self._lock:
            buckets = [self._filled(level, now=now) for level in levels]
            for bucket in buckets:
                owed = min(cost * self._token // TOKEN, bucket.capacity - paid * self._token // TOKEN)
                bucket.missing = max(0, min(bucket.missing + owed, 2 * bucket.capacity))
            return self._verdict(buckets, levels, waits=[0] * len(buckets))

    def _deferral(self, behind: Sequence[LocalBucket | None], waits: Sequence[int], parts: int) -> list[int] | None:
        """Return for how long each level defers what is taken from behind; None where that cannot be taken."""
        refusing = [(wait, other) for wait, other in zip(waits, behind, strict=True) if wait]
        if not refusing or not all(other and not other.microseconds_until(parts) for _, other in refusing):
            return None
        return [
            max(wait, -(-(other.missing + parts) // other.rate)) if other else 0
            for wait, other in zip(waits, behind, strict=True)
        ]

    def _verdict(
        self,
        buckets: Sequence[LocalBucket],
        levels: Sequence[BucketLevel],
        *,
        waits: Sequence[int],
        deferred: Sequence[int] | None = None,
    ) -> Verdict:
        left = [bucket.capacity - bucket.missing for bucket in buckets]
        waits = deferred or waits
        tightest = waits.index(max(waits)) if any(waits) else left.index(min(left))
        bucket = buckets[tightest]
        return Verdict(
            allowed=deferred is not None or not any(waits),
            level=levels[tightest],
            remaining=max(0, left[tightest] // self._token),
            retry_after_seconds=0 if deferred else rounded_up(waits[tightest]),
            full_at=rounded_up(time.time_ns() // 1000 + bucket.microseconds_until(bucket.capacity)),
            deferred_ms=deferral(max(deferred)) if deferred else 0,
        )

    def _filled(self, level: BucketLevel, *, now: int) -> LocalBucket:
        return self._bucket(level, level.key, capacity=level.capacity, now=now)

    def _behind(self, level: BucketLevel, *, now: int) -> LocalBucket | None:
        if not level.capacity_behind:
            return None
        return self._bucket(level, keys_of(level)[1], capacity=level.capacity_behind, now=now)

    def _bucket(self, level: BucketLevel, key: str, *, capacity: int, now: int) -> LocalBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = LocalBucket(missing=0, at=now, capacity=0, rate=1)
        bucket.fill(level, capacity=max(self._token, capacity * MINUTE), now=now)
        return bucket
