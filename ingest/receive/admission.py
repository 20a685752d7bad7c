"""How much memory the bodies in flight of this process may take together; nobody waits for it."""

import threading
from types import TracebackType
from typing import Self

from django.conf import settings

from foundation.refusals import Refusal
from foundation.trimming import trim

#: A body is held twice at the worst moment: as it came (inflated), and as canonical entries.
COPIES = 2
STEP_BYTES = 8 * 2**20
RETRY_AFTER_SECONDS = 1


class NoRoom(OSError):
    """A body was not received, because others of its sender's, or of all, took the room."""


class Budget:
    """Bytes shared by all requests of a process, and who holds a large body now."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.taken_bytes = 0
        self._holders: set[int | None] = set()
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        """Take `size_bytes` if they are left."""
        with self._lock:
            if self.taken_bytes + size_bytes > self.limit_bytes:
                return False
            self.taken_bytes += size_bytes
            return True

    def give_back(self, size_bytes: int) -> None:
        """Return what was taken."""
        with self._lock:
            self.taken_bytes -= size_bytes

    def enter(self, organisation_id: int | None) -> bool:
        """Let one large body of an organisation in at a time; whoever is not known yet counts as one of them."""
        with self._lock:
            if organisation_id in self._holders:
                return False
            self._holders.add(organisation_id)
            return True

    def leave(self, organisation_id: int | None) -> None:
        """Make room for the organisation's next large body."""
        with self._lock:
            self._holders.remove(organisation_id)


BUDGET = Budget(settings.INFLIGHT_BUDGET_BYTES)


class Admission:
    """What one request holds of the budget: nothing while its body is small. Use it as a context manager."""

    def __init__(
        self, budget: Budget, *, organisation_id: int | None, free_bytes: int, may_be_large: bool = True
    ) -> None:
        self.held_bytes = 0
        self._budget = budget
        self._organisation_id = organisation_id
        self._free_bytes = free_bytes
        self._may_be_large = may_be_large
        self._step_bytes = free_bytes or STEP_BYTES
        self._entered = False

    def cover(self, body_bytes: int) -> None:
        """Hold enough for a body that has grown to `body_bytes`. Raises: Refusal `overloaded`, `body_too_large`."""
        if body_bytes <= self._free_bytes:
            return
        if not self._may_be_large:
            raise Refusal(
                "body_too_large", f"Beyond {self._free_bytes} bytes send your API key in the x-api-key header."
            )
        self._enter()
        steps = -(-body_bytes // self._step_bytes)
        wanted = min(steps * self._step_bytes * COPIES, self._budget.limit_bytes)
        if not self._budget.take(wanted - self.held_bytes):
            raise Refusal("overloaded", retry_after_seconds=RETRY_AFTER_SECONDS)
        self.held_bytes = wanted
        self._free_bytes = steps * self._step_bytes

    def close(self) -> None:
        """Give everything back; safe to repeat."""
        held, self.held_bytes = self.held_bytes, 0
        if held:
            trim()  # to the system, before somebody else is let in
            self._budget.give_back(held)
        if self._entered:
            self._budget.leave(self._organisation_id)
        self._entered = False

    def _enter(self) -> None:
        if self._entered:
            return
        if not self._budget.enter(self._organisation_id):
            raise Refusal("overloaded", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._entered = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
