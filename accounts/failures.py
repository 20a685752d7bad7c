"""Slow down whoever guesses keys: 30 failures a minute and address, counted in Valkey for all processes together.

Callers with a good key never come here. Without Valkey each process counts for itself.
"""

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django_ratelimit import ALL
from django_ratelimit.core import get_usage
from redis import RedisError

from accounts.addresses import HasMeta, client_network
from foundation.breaker import Breaker
from foundation.expiring import Expiring

log = structlog.get_logger(__name__)

FAILURES_A_MINUTE = 30
WINDOW_SECONDS = 60
ADDRESSES = 20_000
#: New keys from addresses that fail too often may still cost this many queries a second in each process: a key may be
#: so new that `accounts.register` does not hold it. One that it holds is let in whatever its address has done.
QUERIES_A_SECOND = 8
BREAKER_SECONDS = 5


class FailedKeys:
    """The failures of each address, and the addresses that have failed too often."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._blocked: Expiring[str, float] = Expiring(capacity=ADDRESSES, clock=clock)
        self._counted_here: Expiring[str, tuple[int, float]] = Expiring(capacity=ADDRESSES, clock=clock)
        self._queries: tuple[int, int] = (0, 0)
        self._breaker = self._new_breaker()

    def may_query(self, request: HasMeta) -> bool:
        """Tell whether a key that nobody has seen may cost a query."""
        if self._blocked.get(client_network(request)) is None:
            return True
        second = int(self.clock())
        used = self._queries[1] if self._queries[0] == second else 0
        self._queries = (second, used + 1)
        return used < QUERIES_A_SECOND

    def note(self, request: HttpRequest) -> int | None:
        """Count one failure; return the seconds to wait when these were too many."""
        address, now = client_network(request), self.clock()
        until = self._blocked.get(address)
        if until is None:
            count, seconds_left = self._count(request, address)
            if count <= FAILURES_A_MINUTE:
                return None
            until = now + max(seconds_left, 1)
            self._blocked.put(address, until, until=until)
            log.warning("too_many_failures", address=address)
        return max(1, round(until - now))

    def clear(self) -> None:
        """Forgive everybody, in this process."""
        self._blocked.clear()
        self._counted_here.clear()
        self._breaker = self._new_breaker()

    def _new_breaker(self) -> Breaker:
        return Breaker(failures=1, open_seconds=BREAKER_SECONDS, clock=self.clock)

    def _count(self, request: HttpRequest, address: str) -> tuple[int, float]:
        if self._breaker.lets_through():
            try:
                counted = _count_in_valkey(request)
            except RedisError as error:
                self._breaker.failed()
                log.warning("failed_keys_counted_here", error=type(error).__name__)
            else:
                self._breaker.succeeded()
                return counted
        return self._count_here(address)

    def _count_here(self, address: str) -> tuple[int, float]:
        now = self.clock()
        count, until = self._counted_here.get(address) or (0, now + WINDOW_SECONDS)
        self._counted_here.put(address, (count + 1, until), until=until)
        return count + 1, until - now


def _count_in_valkey(request: HttpRequest) -> tuple[int, float]:
    usage = get_usage(
        request,
        group="accounts.failed_keys",
        key=lambda _group, request: client_network(request),
        rate=f"{FAILURES_A_MINUTE}/{WINDOW_SECONDS}s",
        method=ALL,
        increment=True,
    )
    return (usage["count"], usage["time_left"]) if usage else (0, 0)


failed_keys = FailedKeys()
