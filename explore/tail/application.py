"""The ASGI application of the tail: nothing but streams, so that they cost the API and the admin no thread."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse

from accounts.middleware import HttpsOnlyMiddleware
from explore.grouped import grouped_by
from explore.metrics import SENT, STREAMS
from explore.tail.hub import Hub, Present
from explore.tail.listener import Event, notice
from explore.tail.permits import Permit, Permits
from explore.tail.subscription import PAGE_PATH, Subscription, read_query, subscription
from foundation.cors import OriginMiddleware, PreflightMiddleware
from foundation.errors import as_refusal, problem
from foundation.middleware import RequestContextMiddleware
from foundation.plain_request import PlainTailRequest
from foundation.postgres import discard_if_dead
from foundation.refusals import Refusal
from quotas.throttling import rate_limit_headers
from storage.errors import Unavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEARTBEAT_SECONDS = 10
SEND_SECONDS = 30
EVENTS_A_CHUNK = 100
#: granian takes four chunks before it makes us wait, and hyper about half a megabyte.
CHUNK_BYTES = 256 * 2**10
BEAT = b": beat\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}

log = structlog.get_logger(__name__)


class Opening(HttpResponse):
    """The head of a stream that may be opened; its body follows."""

    def __init__(self, request: HttpRequest, opened: Subscription) -> None:
        super().__init__(content_type="text/event-stream; charset=utf-8", headers=HEADERS)
        self.request, self.subscription = request, opened

    def refused(self, error: Refusal) -> HttpResponse:
        """Return a refusal with what the door puts on every answer."""
        self.subscription.count_refusal(error)
        response = problem(error, self.request)
        own = {"content-type", *(name.lower() for name in HEADERS)}
        for name, value in self.headers.items():
            if name.lower() not in own:
                response.headers[name] = value
        return response


class TailApplication:
    """Answers /v1/logs/tail and /admin/explore/tail, and nothing else."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.permits = Permits()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="tail-door")
        self._door = _door()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = PlainTailRequest(scope, io.BytesIO())
            response = await asyncio.get_running_loop().run_in_executor(self._threads, self._door, request)
            await self._answer(response, receive, send)

    async def _answer(self, response: HttpResponse, receive: Receive, send: Send) -> None:
        if not isinstance(response, Opening):
            await _send_whole(response, send)
            return
        opened = response.subscription
        try:
            present = await self._join(opened)
        except Refusal as error:
            await _send_whole(response.refused(error), send)
            return
        permit = self.permits.add(opened.bearer, asked_at=opened.asked_at)
        try:
            with STREAMS.track_inprogress():
                await _send_head(response, send)
                await _until_over(self._stream(opened, present, permit, send), receive, permit, send)
        finally:
            self.permits.remove(permit)
            self.hub.leave(opened.listener)

    async def _join(self, opened: Subscription) -> Present:
        """Read the query when it is the organisation's turn, then join."""
        listener = opened.listener
        read = partial(read_query, listener.query, opened.hashed, grouped_by(listener.organisation_id))
        listener.node = await self.hub.turns.run(listener.organisation_id, read)
        return await self.hub.join(listener)

    async def _stream(self, opened: Subscription, present: Present, permit: Permit, send: Send) -> None:
        listener = opened.listener
        hello = Event(id=None if opened.since else self.hub.id_of(listener, present), name="hello", data=b"{}")
        for event in (hello, *opened.greeting):
            await _send_part(event.encode(), send)
        if opened.since:
            async for events in self.hub.missed(listener, since=opened.since, until=present):
                for event in events:
                    await _send_permitted(event.encode(), permit, send)
        while not (listener.is_cut and listener.queue.empty()):
            await _send_permitted(await _next_chunk(listener.queue), permit, send)
        await _send_end(notice("too_slow", "You did not read fast enough. Resume from the last event."), send)


def _door() -> Callable[[HttpRequest], HttpResponse]:
    """Return what every request goes through, as those of the API do."""
    if not settings.CORS_ALLOWED_ORIGINS:
        return RequestContextMiddleware(HttpsOnlyMiddleware(_open))
    return RequestContextMiddleware(OriginMiddleware(HttpsOnlyMiddleware(PreflightMiddleware(_open))))


def _open(request: HttpRequest) -> HttpResponse:
    try:
        discard_if_dead()
        response: HttpResponse = Opening(request, subscription(request))
    except Exception as error:  # the outermost handler, as DRF's is for the API
        response = problem(as_refusal(error), request)
    for name, value in rate_limit_headers(request).items():
        response.headers[name] = value
    if request.path == PAGE_PATH:
        response.headers["Access-Control-Allow-Origin"] = "*"  # the ticket is the credential, not a cookie
    return response


async def _next_chunk(queue: asyncio.Queue[Event]) -> bytes:
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):  # `wait_for` of Python 3.11 may swallow that it is cancelled
            events = [await queue.get()]
    except TimeoutError:
        return BEAT
    while len(events) < EVENTS_A_CHUNK and sum(event.size for event in events) < CHUNK_BYTES and not queue.empty():
        events.append(queue.get_nowait())
    SENT.inc(len(events))
    return b"".join(event.encode() for event in events)


async def _until_over(stream: Coroutine[Any, Any, None], receive: Receive, permit: Permit, send: Send) -> None:
    """Run `stream` until it ends, the client hangs up, a write stands still, or the bearer may listen no more."""
    streaming, gone = asyncio.create_task(stream), asyncio.create_task(_disconnected(receive))
    tasks = {streaming, gone, asyncio.create_task(permit.refused.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if streaming.done():
            streaming.result()
        elif permit.refusal and not gone.done():
            streaming.cancel()
            await asyncio.wait({streaming})
            await _send_end(notice(permit.refusal.code, permit.refusal.detail), send)
    except TimeoutError:
        log.info("tail_reader_stands_still")
    except (Error, Unavailable) as error:
        log.warning("tail_cannot_resume", error=type(error).__name__)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_permitted(body: bytes, permit: Permit, send: Send) -> None:
    """Send `body` when the bearer may have it; meanwhile, what keeps a connection open."""
    while not permit.is_good:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await permit.renewed()
        except TimeoutError:
            await _send_part(BEAT, send)
    await _send_part(body, send)


async def _send_part(body: bytes, send: Send, *, more_body: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def _send_end(last: Event, send: Send) -> None:
    await _send_part(last.encode(), send)
    await _send_part(b"", send, more_body=False)


async def _send_whole(response: HttpResponse, send: Send) -> None:
    await _send_head(response, send)
    await send({"type": "http.response.body", "body": response.content})


async def _send_head(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": _raw_headers(response)})


def _raw_headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return
