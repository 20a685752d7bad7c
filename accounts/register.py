"""Which hashes are of keys in force, for the time when somebody guesses: a guess then costs no query, a good key one.

Eight bytes of each hash are enough: who guesses them has done 2^64 times the work of a query.
"""

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable
from threading import Lock

from accounts.models import ApiKey, Organisation
from foundation import postgres

#: A new key is known so late, where it comes from an address that guesses.
FRESH_SECONDS = 5.0
PREFIX_BYTES = 8


class Register:
    """The keys in force of some seconds ago: 8 MB for a million. Read when it is asked for, by one thread at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._prefixes = array("Q")
        self._fresh_until = -1.0
        self._lock = Lock()

    def may_hold(self, sha256: bytes) -> bool:
        """Tell whether a key with this hash is worth a query. Raises: `OperationalError`, to one caller of a time."""
        with self._lock:
            if self._clock() >= self._fresh_until:
                self._fresh_until = self._clock() + FRESH_SECONDS  # even without an answer: it is asked no more often
                self._prefixes = _prefixes()
            prefixes = self._prefixes
        wanted = _prefix(sha256)
        place = bisect_left(prefixes, wanted)
        return place < len(prefixes) and prefixes[place] == wanted

    def clear(self) -> None:
        """Forget the keys."""
        with self._lock:
            self._prefixes, self._fresh_until = array("Q"), -1.0


def _prefixes() -> "array[int]":
    postgres.discard_if_dead()
    keys = ApiKey.objects.in_force().filter(organisation__status=Organisation.Status.ACTIVE).order_by()
    with postgres.answered_in_time():
        return array("Q", sorted(_prefix(sha256) for sha256 in keys.values_list("sha256", flat=True)))


def _prefix(sha256: bytes | memoryview) -> int:
    return int.from_bytes(bytes(sha256)[:PREFIX_BYTES])
