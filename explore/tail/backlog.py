"""Events that wait for one reader: bounded in number and in bytes, whatever an entry holds."""

import asyncio
from typing import TYPE_CHECKING, Any

QUEUE_EVENTS = 2000
#: More than a batch holds: whoever keeps up is not cut for one.
QUEUE_BYTES = 10 * 2**20

if TYPE_CHECKING:
    Queue = asyncio.Queue[Any]
else:
    Queue = asyncio.Queue


class Backlog(Queue):
    """A queue that is full by either bound. asyncio's names for what a subclass may change are private."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self.held_bytes = 0

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.held_bytes += item.size

    def _get(self) -> Any:
        item = super()._get()
        self.held_bytes -= item.size
        return item

    def full(self) -> bool:
        """Tell whether nothing more is taken."""
        return super().full() or self.held_bytes >= QUEUE_BYTES
