"""An answer that waits for its reader, without a thread: what is not taken stays here, and a pipe holds 64 KiB of it.

granian's RSGI takes what it is given into memory at once, however slowly the caller reads; only of a file it reads no
more than the caller has taken. So an answer that is long, or has no end yet, is a file to it: a pipe's other end.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

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
    step_seconds: float,
) -> None:
    """Send the body, more than `PIPE_BYTES`, in chunks, each when the one before was taken.

    Raises: `BrokenPipeError` when the caller has gone; `TimeoutError` when it took less than `STEP_BYTES` in time.
    """
    theirs, ours = os.pipe()
    try:
        os.set_blocking(ours, False)
        protocol.response_file(status, headers, f"/dev/fd/{theirs}")
        written_bytes = 0
        async for chunk in chunks:
            for start in range(0, len(chunk), STEP_BYTES):
                async with asyncio.timeout(step_seconds):
                    await _write(ours, memoryview(chunk)[start : start + STEP_BYTES])
            written_bytes += len(chunk)
            if theirs >= 0 and written_bytes > PIPE_BYTES:  # granian has opened it: it is told when granian lets go
                os.close(theirs)
                theirs = -1
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def hang_up(client: str) -> None:
    """Break the connection with `client` (address:port): what ends early must not look whole."""
    host, _, port = client.rpartition(":")
    for name in os.listdir("/dev/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as connection:
            peer = connection.getpeername()
            if isinstance(peer, tuple) and peer[:2] == (host.strip("[]"), int(port)):
                connection.shutdown(socket.SHUT_RDWR)


async def _write(descriptor: int, piece: memoryview) -> None:
    while piece:
        try:
            piece = piece[os.write(descriptor, piece) :]
        except BlockingIOError:
            await _until_writable(descriptor)


async def _until_writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    writable = asyncio.Event()
    loop.add_writer(descriptor, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(descriptor)
