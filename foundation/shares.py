"""So much of something for all of a process, and less for each owner: no one organisation can hold it all."""

import threading
from collections import Counter


class Shares:
    """So much of something for all, and less of it for each owner; nobody waits for it."""

    def __init__(self, for_all: int, *, for_each: int) -> None:
        self.for_all, self.for_each = for_all, for_each
        self.taken = 0
        self._by_owner: Counter[object] = Counter()
        self._lock = threading.Lock()

    def take(self, amount: int, *, owner: object) -> bool:
        """Take `amount` if it is left, of all and of the owner's share."""
        with self._lock:
            if self.taken + amount > self.for_all or self._by_owner[owner] + amount > self.for_each:
                return False
            self.taken += amount
            self._by_owner[owner] += amount
            return True

    def give_back(self, amount: int, *, owner: object) -> None:
        """Return what was taken."""
        with self._lock:
            self.taken -= amount
            self._by_owner[owner] -= amount
            if not self._by_owner[owner]:
                del self._by_owner[owner]
