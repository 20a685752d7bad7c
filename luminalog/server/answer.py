"""An answer that waits for its reader, without a thread: what is not taken stays here, and a pipe holds 64 KiB of it.

granian's RSGI takes what it is given into memory at once, however slowly the caller reads; only of a file it reads no
more than the caller has taken. So an answer that is long, or has no end yet, is a file to it: a pipe's other end.
"""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from granian.rsgi import HTTPProtocol

#: What a pipe takes of itself (pipe(7)): once more than that was written, somebody reads.
PIPE_BYTES = 64 * 2**10
#: What a caller must take at least in the time that it is given.
STEP_BYTES = 256 * 2**10


async def send(
    protocol: HTTPProtocol,
    status: int,
    headers: list[tuple[str, str]],
    chunks: AsyncIterator[bytes],
    *,
    client: str,
    step_seconds: float,
) -> None:
    """Send the body, more than `PIPE_BYTES`, in chunks, each when the one before was taken, to `client` (address:port).

    What ends early must not look whole: the connection is broken. Raises: `BrokenPipeError` when the caller has gone;
    `TimeoutError` when it took less than `STEP_BYTES` in time; whatever `chunks` raises.
    """
    pipe = _Pipe()
    gone = asyncio.ensure_future(protocol.client_disconnect())
    try:
        protocol.response_file(status, headers, f"/dev/fd/{pipe.theirs}")
        async for chunk in chunks:
            for start in range(0, len(chunk), STEP_BYTES):
                async with asyncio.timeout(step_seconds):
                    await pipe.write(memoryview(chunk)[start : start + STEP_BYTES], gone)
    except BrokenPipeError:
        raise
    except BaseException:
        _hang_up(client)  # before the pipe ends, which is the end of the answer to granian
        raise
    finally:
        gone.cancel()
        pipe.close()


class _Pipe:
    """Both ends of a pipe: theirs is closed once somebody else reads it, so that we are told when nobody does."""

    def __init__(self) -> None:
        self.theirs, self._ours = os.pipe()
        os.set_blocking(self._ours, False)
        self._written_bytes = 0

    async def write(self, piece: memoryview, gone: asyncio.Future[Any]) -> None:
        while piece:
            try:
                size_bytes = os.write(self._ours, piece)
            except BlockingIOError:
                await _until_writable(self._ours, gone)
                continue
            piece = piece[size_bytes:]
            self._written_bytes += size_bytes
            if self._written_bytes > PIPE_BYTES:
                self._close_theirs()

    def close(self) -> None:
        os.close(self._ours)
        self._close_theirs()

    def _close_theirs(self) -> None:
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1


def _hang_up(client: str) -> None:
    host, _, port = client.rpartition(":")
    for descriptor in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                _shut_down_if_with((host.strip("[]"), int(port)), os.dup(descriptor))


def _shut_down_if_with(peer: tuple[str, int], descriptor: int) -> None:
    """Shut down the socket if it is connected with `peer`. What is looked at is a duplicate: it stays what it is."""
    with socket.socket(fileno=descriptor) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getpeername()[:2] == peer:
            connection.shutdown(socket.SHUT_RDWR)


async def _until_writable(descriptor: int, gone: asyncio.Future[Any]) -> None:
    loop = asyncio.get_running_loop()
    stirred = asyncio.Event()
    loop.add_writer(descriptor, stirred.set)
    waiting: asyncio.Future[Any] = asyncio.ensure_future(stirred.wait())
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_writer(descriptor)
        waiting.cancel()
    if gone.done():
        raise BrokenPipeError
