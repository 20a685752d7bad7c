"""Where bodies arrive before a thread is spent on them: so many bytes in all, and so many for each that sends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class WaitingRoom:
    """Bytes of one process, on its event loop. Nobody holds more than a share, so that there is room for others."""

    def __init__(self, size_bytes: int, *, share_bytes: int) -> None:
        self._left_bytes = size_bytes
        self._share_bytes = share_bytes
        self._held: Counter[Hashable] = Counter()
        self._somebody_left = asyncio.Condition()

    @asynccontextmanager
    async def room(self, size_bytes: int, *, of: Hashable, patience_seconds: float) -> AsyncIterator[None]:
        """Hold `size_bytes`, but no more than the share, for the block. Raises: TimeoutError when there is no room."""
        size_bytes = min(size_bytes, self._share_bytes)
        async with asyncio.timeout(patience_seconds), self._somebody_left:
            await self._somebody_left.wait_for(lambda: self._has_room(size_bytes, of))
            self._move(size_bytes, of)
        try:
            yield
        finally:
            self._move(-size_bytes, of)
            async with self._somebody_left:
                self._somebody_left.notify_all()

    def _has_room(self, size_bytes: int, of: Hashable) -> bool:
        return size_bytes <= min(self._left_bytes, self._share_bytes - self._held[of])

    def _move(self, size_bytes: int, of: Hashable) -> None:
        self._left_bytes -= size_bytes
        self._held[of] += size_bytes
        if not self._held[of]:
            del self._held[of]
