"""A request's body as a file: read on a thread, received on the event loop, which waits for slow callers."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable

from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolClosed

#: A body up to this size is here before a thread is spent on its request, and takes no room of anybody.
SMALL_BODY_BYTES = 64 * 2**10
#: What is received at once, and what may take `BODY_STEP_SECONDS`.
STEP_BYTES = 256 * 2**10


class RequestBody(io.RawIOBase):
    """The body of one request. Reading raises TimeoutError when it comes too slowly, OSError when it ends early."""

    def __init__(self, protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol = protocol
        self._pieces = _pieces(protocol)
        self._loop = loop
        self._received = memoryview(b"")
        self._has_ended = False
        self._error: OSError | None = None

    async def receive(self, at_least_bytes: int = STEP_BYTES) -> None:
        """Receive so many bytes, or what is left; an error waits until somebody reads."""
        self._received = memoryview(await self._step(settings.BODY_STEP_SECONDS, at_least_bytes))

    async def receive_all(self, *, at_most_bytes: int, seconds: float) -> None:
        """Receive what comes until more than `at_most_bytes` are here, each step in its time and all in `seconds`."""
        steps, size_bytes, until = [bytes(self._received)], len(self._received), time.monotonic() + seconds
        while not self.is_over and size_bytes <= at_most_bytes:
            steps.append(await self._step(min(settings.BODY_STEP_SECONDS, until - time.monotonic())))
            size_bytes += len(steps[-1])
        self._received = memoryview(b"".join(steps))

    async def receive_whole(self) -> None:
        """Receive all of a small body; of one that fails, whoever reads it hears."""
        body = await self._in_time(settings.BODY_STEP_SECONDS, self._protocol())
        if body is not None:
            self._received, self._has_ended = memoryview(body), True

    def whole(self) -> bytes | None:
        """Return all of a body that has arrived, before it is read; None while it has not, or has failed."""
        return bytes(self._received) if self._has_ended and self._error is None else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: it is all here, or has failed."""
        return self._has_ended or self._error is not None

    def refuse(self, error: OSError) -> None:
        """Let whoever reads further than what is here meet `error`."""
        if not self._has_ended:
            self._error = self._error or error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Copy what fits into `buffer`; return how many bytes that were, 0 at the end."""
        if not self._received and not self._has_ended and not self._error:
            asyncio.run_coroutine_threadsafe(self.receive(), self._loop).result()
        if self._error and not self._received:
            raise self._error
        size = min(len(buffer), len(self._received))
        buffer[:size] = self._received[:size]
        self._received = self._received[size:]
        return size

    async def _step(self, seconds: float, at_least_bytes: int = STEP_BYTES) -> bytes:
        """Receive so many bytes, or what is left, within `seconds`; of a body that ends in an error nothing."""
        return await self._in_time(seconds, self._next_pieces(at_least_bytes)) or b""

    async def _in_time(self, seconds: float, receiving: Awaitable[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(seconds):
                return await receiving
        except ProtocolClosed:
            self._error = ConnectionResetError("the body ended early")
        except TimeoutError:
            self._error = TimeoutError("the body came too slowly")
        return None

    async def _next_pieces(self, at_least_bytes: int) -> bytes:
        pieces: list[bytes] = []
        size_bytes = 0
        async for piece in self._pieces:
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes >= at_least_bytes:
                return b"".join(pieces)
        self._has_ended = True
        return b"".join(pieces)


async def _pieces(protocol: HTTPProtocol) -> AsyncIterator[bytes]:
    """Yield what arrives; unlike granian's own, this iterator can be left and taken up again."""
    async for piece in protocol:
        yield piece
