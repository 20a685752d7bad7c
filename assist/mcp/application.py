"""The ASGI application of MCP: the door, and behind it the protocol."""

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from assist.mcp import server
from assist.mcp.door import Admitted, door
from foundation.plain_request import PlainTailRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: How long a caller may take for the next piece of a body of 64 KiB.
BODY_SECONDS = 15


class McpApplication:
    """Answers /mcp, and nothing else."""

    def __init__(self) -> None:
        threads = settings.READS_PER_PROCESS + 2  # some wait for a place to read
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="mcp")
        self._door_threads = ThreadPoolExecutor(2, thread_name_prefix="mcp-door")
        self._door = door()
        self._inside = server.application(self._threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
        elif scope["type"] == "http":
            request = PlainTailRequest(scope, io.BytesIO())
            response = await asyncio.get_running_loop().run_in_executor(self._door_threads, self._door, request)
            if isinstance(response, Admitted):
                scope[server.VISITOR] = response.visitor
                await self._inside(scope, _in_time(receive), _with_headers(response, send))
            else:
                await _send_whole(response, send)


def _in_time(receive: Receive) -> Receive:
    """Take a body only from whoever sends it; afterwards wait for as long as it takes."""
    is_whole = False

    async def received() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return received


def _with_headers(response: HttpResponse, send: Send) -> Send:
    """Put what the door puts on every answer on this one, too."""
    own = [pair for pair in _raw_headers(response) if pair[0] != b"content-type"]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *own, (b"cache-control", b"no-store")]}
        await send(message)

    return sent


async def _send_whole(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": _raw_headers(response)})
    await send({"type": "http.response.body", "body": response.content})


def _raw_headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
