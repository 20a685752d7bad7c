"""Memory for what is read, until its reader has it: one budget a process, of which no organisation can hold all."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse

from foundation.refusals import Refusal
from foundation.shares import Shares
from foundation.trimming import trim
from storage.search import PORTION_BYTES

#: Entries as they are read, as they are written, and twice that while the answer grows.
COPIES = 4
RETRY_AFTER_SECONDS = 1
#: Whoever held less leaves nothing that is worth the looking.
WORTH_TRIMMING_BYTES = 2**20

BUDGET = Shares(settings.READ_BUDGET_BYTES, for_each=settings.READ_BUDGET_BYTES * 3 // 4)


class Hold:
    """What one answer holds of the budget: first enough for the largest, then its own size, until it is closed."""

    def __init__(self, organisation_id: int, *, most_bytes: int = PORTION_BYTES, budget: Shares = BUDGET) -> None:
        """Raises: `Refusal` `overloaded` when there is not enough left."""
        self._owner, self._budget = organisation_id, budget
        self._held_bytes = self._largest_bytes = most_bytes * COPIES
        if not budget.take(self._held_bytes, owner=self._owner):
            self._held_bytes = 0
            raise Refusal("overloaded", retry_after_seconds=RETRY_AFTER_SECONDS)

    def keep(self, size_bytes: int) -> None:
        """Hold no more than the answer takes, now that it is written."""
        self._largest_bytes = size_bytes
        self._give_back(max(0, self._held_bytes - size_bytes))
        if size_bytes > WORTH_TRIMMING_BYTES:
            trim()

    def close(self) -> None:
        """Give everything back; safe to repeat."""
        if self._held_bytes and self._largest_bytes > WORTH_TRIMMING_BYTES:
            trim()
        self._give_back(self._held_bytes)

    def _give_back(self, size_bytes: int) -> None:
        self._held_bytes -= size_bytes
        self._budget.give_back(size_bytes, owner=self._owner)


class Answer(HttpResponse):
    """JSON that holds its memory until the server closes it: when its reader has taken it."""

    def __init__(self, members: Any, *, hold: Hold) -> None:
        body = msgspec.json.encode(members)
        hold.keep(len(body))
        super().__init__(body, content_type="application/json")
        self._hold = hold

    def close(self) -> None:
        super().close()
        self._hold.close()
