"""The buckets in Valkey while it answers, this process's own while it does not."""

from collections.abc import Sequence

import redis
import structlog
from django.conf import settings

from foundation.breaker import Breaker
from quotas import buckets
from quotas.buckets import TOKEN, BucketLevel, Hierarchy, Verdict
from quotas.local_buckets import LocalBuckets
from quotas.metrics import LIMITER_DEGRADED, LIMITER_FALLBACKS

log = structlog.get_logger(__name__)


class Limiter:
    """Exact when Valkey answers within its time-out; otherwise approximate, and never closed."""

    def __init__(self, *, processes: int) -> None:
        self._breaker = Breaker()
        self._local = LocalBuckets(processes=processes)
        self._degraded = False

    def take(self, levels: Sequence[BucketLevel], *, cost: int = TOKEN) -> Verdict:
        """Take `cost`, in thousandths of a token, from every level, or from none."""
        [verdict] = self.take_for_each([tuple(levels)], cost=cost)
        return verdict

    def take_for_each(self, requests: Sequence[Hierarchy], *, cost: int = TOKEN) -> list[Verdict]:
        """Do so for requests that wait at the same moment."""
        if self._breaker.lets_through():
            try:
                verdicts = buckets.take_for_each(requests, cost=cost)
            except redis.RedisError as error:
                self._fail(error, times=len(requests))
            else:
                self._recover()
                return verdicts
        return [self.take_here(levels, cost=cost) for levels in requests]

    def settle(self, levels: Sequence[BucketLevel], *, cost: int, paid: int) -> Verdict:
        """Take `cost` whatever is left, into debt: see `buckets.settle`."""
        if self._breaker.lets_through():
            try:
                verdict = buckets.settle(levels, cost=cost, paid=paid)
            except redis.RedisError as error:
                self._fail(error, times=1)
            else:
                self._recover()
                return verdict
        return self._local.settle(levels, cost=cost, paid=paid)

    def take_here(self, levels: Sequence[BucketLevel], *, cost: int = TOKEN) -> Verdict:
        """Take from this process's own buckets, without asking Valkey."""
        LIMITER_FALLBACKS.inc()
        return self._local.take(levels, cost=cost)

    def _fail(self, error: redis.RedisError, *, times: int) -> None:
        for _ in range(times):
            self._breaker.failed()
        self._degrade(error)

    def _degrade(self, error: redis.RedisError) -> None:
        if not self._degraded:
            log.warning("limiter_degraded", error=type(error).__name__)
        self._degraded = True
        LIMITER_DEGRADED.set(1)

    def _recover(self) -> None:
        self._breaker.succeeded()
        if self._degraded:
            self._degraded = False
            LIMITER_DEGRADED.set(0)
            log.info("limiter_recovered")


limiter = Limiter(processes=settings.WEB_PROCESSES)
