"""So much of something for all of a process, and less for each owner: no one organisation can hold it all."""

import threading
from collections import Counter


class Shares:
    """So much of something for all, and less of it for each owner."""

    def __init__(self, for_all: int, *, for_each: int) -> None:
        self.for_all, self.for_each = for_all, for_each
        self.taken = 0
        self._by_owner: Counter[object] = Counter()
        self._changed = threading.Condition()

    def take(self, amount: int, *, owner: object) -> bool:
        """Take `amount` if it is left now, of all and of the owner's share."""
        return self.take_soon(amount, owner=owner, seconds=0)

    def take_soon(self, amount: int, *, owner: object, seconds: float) -> bool:
        """Take `amount` if it is left within so many seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_left(amount, owner), seconds):
                return False
            self.taken += amount
            self._by_owner[owner] += amount
            return True

    def give_back(self, amount: int, *, owner: object) -> None:
        """Return what was taken."""
        with self._changed:
            self.taken -= amount
            self._by_owner[owner] -= amount
            if not self._by_owner[owner]:
                del self._by_owner[owner]
            self._changed.notify_all()

    def _is_left(self, amount: int, owner: object) -> bool:
        return self.taken + amount <= self.for_all and self._by_owner[owner] + amount <= self.for_each
