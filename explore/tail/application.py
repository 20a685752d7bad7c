"""The ASGI application of the tail: nothing but streams, so that they cost the API and the admin no thread."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse

from accounts.middleware import HttpsOnlyMiddleware
from explore.metrics import SENT, STREAMS
from explore.tail.hub import Hub
from explore.tail.listener import Event, notice
from explore.tail.subscription import PAGE_PATH, Subscription, subscription
from foundation.errors import as_refusal, problem
from foundation.middleware import RequestContextMiddleware
from foundation.plain_request import PlainTailRequest
from foundation.postgres import discard_if_dead
from foundation.refusals import Refusal
from storage.errors import Unavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEARTBEAT_SECONDS = 10
SEND_SECONDS = 30
EVENTS_A_CHUNK = 100
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}

log = structlog.get_logger(__name__)


class Opening(HttpResponse):
    """The head of a stream that may be opened; its body follows."""

    def __init__(self, opened: Subscription) -> None:
        super().__init__(content_type="text/event-stream; charset=utf-8", headers=HEADERS)
        self.subscription = opened


class TailApplication:
    """Answers /v1/logs/tail and /admin/explore/tail, and nothing else."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="tail-door")
        self._door = RequestContextMiddleware(HttpsOnlyMiddleware(_open))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            response = await self._in_thread(self._door, PlainTailRequest(scope, io.BytesIO()))
            await self._answer(response, receive, send)

    async def _answer(self, response: HttpResponse, receive: Receive, send: Send) -> None:
        if not isinstance(response, Opening):
            await _send_whole(response, send)
            return
        opened = response.subscription
        try:
            snapshot = await self.hub.join(opened.listener)
        except Refusal as error:
            await _send_whole(problem(error, None), send)
            return
        try:
            with STREAMS.track_inprogress():
                await _until_gone(self._stream(response, snapshot, send), receive)
        finally:
            self.hub.leave(opened.listener)

    async def _stream(self, response: Opening, snapshot: str, send: Send) -> None:
        opened = response.subscription
        await send({"type": "http.response.start", "status": 200, "headers": _raw_headers(response)})
        await _send_part(Event(id=None if opened.since else snapshot, name="hello", data="{}").encode(), send)
        if opened.since:
            async for event in self.hub.missed(opened.listener, since=opened.since, until=snapshot):
                await _send_part(event.encode(), send)
        last = await self._relay(opened, send)
        await _send_part(last.encode(), send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _relay(self, opened: Subscription, send: Send) -> Event:
        """Send what comes until the stream must end; return the notice that says why."""
        listener = opened.listener
        checked_at = time.monotonic()
        while not (listener.is_cut and listener.queue.empty()):
            await _send_part(await _next_chunk(listener.queue), send)
            if time.monotonic() - checked_at > HEARTBEAT_SECONDS:
                checked_at = time.monotonic()
                try:
                    await self._in_thread(_check, opened)
                except Refusal as error:
                    return notice(error.code, error.detail)
        return notice("too_slow", "You did not read fast enough. Resume from the last event.")

    async def _in_thread(self, function: Callable[[Any], Any], argument: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, argument)


def _open(request: HttpRequest) -> HttpResponse:
    try:
        discard_if_dead()
        response: HttpResponse = Opening(subscription(request))
    except Exception as error:  # the outermost handler, as DRF's is for the API
        response = problem(as_refusal(error), request)
    if request.path == PAGE_PATH:
        response.headers["Access-Control-Allow-Origin"] = "*"  # the ticket is the credential, not a cookie
    return response


def _check(opened: Subscription) -> None:
    discard_if_dead()
    opened.check()


async def _next_chunk(queue: asyncio.Queue[Event]) -> bytes:
    try:
        events = [await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)]
    except TimeoutError:
        return b": beat\n\n"
    while len(events) < EVENTS_A_CHUNK and not queue.empty():
        events.append(queue.get_nowait())
    SENT.inc(len(events))
    return b"".join(event.encode() for event in events)


async def _until_gone(stream: Any, receive: Receive) -> None:
    """Run `stream` until it ends, the client hangs up, or a write stands still."""
    streaming, gone = asyncio.create_task(stream), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({streaming, gone}, return_when=asyncio.FIRST_COMPLETED)
        if streaming.done():
            streaming.result()
    except TimeoutError:
        log.info("tail_reader_stands_still")
    except (Error, Unavailable) as error:
        log.warning("tail_cannot_resume", error=type(error).__name__)
    finally:
        for task in (streaming, gone):
            task.cancel()
        await asyncio.gather(streaming, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_part(body: bytes, send: Send) -> None:
    await asyncio.wait_for(send({"type": "http.response.body", "body": body, "more_body": True}), SEND_SECONDS)


async def _send_whole(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": _raw_headers(response)})
    await send({"type": "http.response.body", "body": response.content})


def _raw_headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return
