"""The web process: granian's RSGI on one side, Django's WSGI application, on threads of ours, on the other.

Granian's own WSGI hands `x_api_key` and `x-api-key` on as one, and lends a thread to whoever sends a body slowly.
"""

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope

from foundation import memory
from foundation.refusals import Refusal
from ingest.express import Answered, Found
from ingest.spool.capacity import capacity
from ingest.views import FOUND
from luminalog.server.answer import PIPE_BYTES, send
from luminalog.server.express import ExpressLane, Order
from luminalog.server.request_body import SMALL_BODY_BYTES, RequestBody
from luminalog.server.senders import Senders

log = structlog.get_logger(__name__)

#: Stands for a value that is no ASCII, which granian does not hand on: no header of ours takes it.
UNREADABLE = "\xff"

#: What is the same in each WSGI environment (PEP 3333).
COMMON = {
    "SCRIPT_NAME": "",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


class Application:
    """Answer each request on one of two lanes of threads: large bodies never keep small requests waiting.

    Who sends a body slowly holds no thread: it arrives on the event loop, up to `LARGE_BODY_BYTES`. Larger ones are
    for known callers, one an organisation, and arrive on a thread.
    """

    def __init__(self, django: Callable[..., Any]) -> None:
        self._django = django
        self._small = ThreadPoolExecutor(settings.WEB_THREADS, "small")
        self._large = ThreadPoolExecutor(settings.WEB_LARGE_THREADS, "large")
        self._senders = Senders(look_up_on=self._small)
        self._express = ExpressLane() if settings.EXPRESS else None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian's worker begins."""
        capacity.watch()
        memory.watch()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        body = RequestBody(protocol, asyncio.get_running_loop())
        order = self._express.look(scope) if self._express else None
        found = None
        if order and order.size_bytes <= SMALL_BODY_BYTES:
            await body.receive_whole()
            found = await self._take(order, body, scope, protocol, self._small)
            if isinstance(found, Answered):
                return
        environ = wsgi_environ(scope) | {"wsgi.input": body, FOUND: found}
        if (announced := _announced_bytes(environ)) > SMALL_BODY_BYTES:
            lane = self._large
            long = await self._answer_large(announced, environ, scope, protocol, order)
        else:
            if announced and not body.is_over:
                await body.receive()
            lane = self._small
            long = await self._answer_on(lane, environ, protocol, order)
        if long:
            await _send(long, scope, protocol, lane)

    async def _answer_large(
        self, announced: float, environ: dict[str, Any], scope: Scope, protocol: HTTPProtocol, order: Order | None
    ) -> "Long | None":
        sender, body = await self._senders.find(environ), environ["wsgi.input"]
        async with AsyncExitStack() as until_answered:
            if sender and (math.isinf(announced) or announced <= settings.LARGE_BODY_BYTES):
                await sender.receive(body, announced, until_answered)
            if sender and not (sender.is_known or settings.TRUSTED_PROXIES):
                body.refuse(OSError("a stranger's body is too large"))
            if order:
                environ[FOUND] = found = await self._take(order, body, scope, protocol, self._large)
                if isinstance(found, Answered):
                    return None
            return await self._answer_on(self._large, environ, protocol, order)

    async def _take(
        self, order: Order, body: RequestBody, scope: Scope, protocol: HTTPProtocol, reader: Executor
    ) -> Answered | Found | None:
        """Let the express lane take what has arrived."""
        content = body.whole()
        if content is None or self._express is None:
            return None
        return await self._express.take(order, content, scope, protocol, reader=reader)

    async def _answer_on(
        self, lane: Executor, environ: dict[str, Any], protocol: HTTPProtocol, order: Order | None
    ) -> "Long | None":
        django = self._express.learning(order, self._django) if self._express and order else self._django
        return await asyncio.get_running_loop().run_in_executor(lane, _answer, django, environ, protocol)


def wsgi_environ(scope: Scope) -> dict[str, Any]:
    """Return what PEP 3333 asks for, but `wsgi.input`. Headers with an underscore in their name are left out."""
    server, _, server_port = scope.server.rpartition(":")
    client, _, client_port = scope.client.rpartition(":")
    environ: dict[str, Any] = COMMON | {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": _latin(scope.path),
        "QUERY_STRING": _latin(scope.query_string),
        "SERVER_PROTOCOL": "HTTP/" + scope.http_version,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": server_port,
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.url_scheme": scope.scheme,
    }
    headers = scope.headers.items()
    unreadable = set(scope.headers.keys()).difference(name for name, _ in headers)
    _add_headers(environ, [*headers, *((name, UNREADABLE) for name in unreadable)])
    if scope.authority:  # of an absolute target or of HTTP/2: it wins over Host (RFC 9112, section 3.2.2)
        environ["HTTP_HOST"] = scope.authority
    return environ


def _announced_bytes(environ: dict[str, Any]) -> float:
    """Return the length of the body, infinity when only its end will tell."""
    announced = environ.get("CONTENT_LENGTH", "0")
    return int(announced) if announced.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else math.inf


def _add_headers(environ: dict[str, Any], headers: Iterable[tuple[str, str]]) -> None:
    for name, value in headers:
        key = _key(name)
        if key in environ:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
        elif key:
            environ[key] = value


@lru_cache(maxsize=256)
def _key(name: str) -> str:
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + key


def _latin(text: str) -> str:
    """Return UTF-8 as PEP 3333 wants bytes: a character each."""
    return text.encode().decode("latin-1")


class Head:
    """What Django starts its answer with: PEP 3333's `start_response`."""

    status: int
    headers: list[tuple[str, str]]

    def __call__(self, status: str, headers: list[tuple[str, str]], _: object = None, /) -> Callable[[bytes], object]:
        self.status, self.headers = int(status[:3]), headers
        return _refuse_to_write


def _refuse_to_write(_: bytes) -> object:
    raise NotImplementedError("Django returns its answers")


@dataclass(frozen=True, slots=True)
class Long:
    """An answer that is sent at its reader's pace: what there is of it, and where the rest comes from."""

    head: Head
    begun: bytes
    response: Any


def _answer(django: Callable[..., Any], environ: dict[str, Any], protocol: HTTPProtocol) -> Long | None:
    """Let Django answer; a short answer is sent, and a caller who has gone is told nothing. A long one is returned."""
    head = Head()
    response = django(environ, head)
    is_long = False
    try:
        if environ["REQUEST_METHOD"] == "HEAD":  # nothing is read that nobody is sent
            protocol.response_empty(head.status, head.headers)
            return None
        begun = _beginning(response)
        if is_long := len(begun) > PIPE_BYTES:
            return Long(head, begun, response)
        protocol.response_bytes(head.status, head.headers, begun)
    except ProtocolClosed:
        log.info("caller_gone", path=environ["PATH_INFO"])
    finally:
        if not is_long:
            response.close()
    return None


def _beginning(response: Any) -> bytes:
    """Return all of a whole answer; of a stream what a pipe could take, and the chunk that it could not."""
    if not response.streaming:
        return b"".join(response)
    begun = b""
    for chunk in response:
        begun += chunk
        if len(begun) > PIPE_BYTES:
            break
    return begun


async def _send(answer: Long, scope: Scope, protocol: HTTPProtocol, lane: ThreadPoolExecutor) -> None:
    """Send a long answer, on a thread only while a piece of it is made. What ends early breaks the connection."""
    streaming = answer.response.streaming
    headers = [*answer.head.headers] if streaming else [*_without_length(answer.head.headers), _length(answer.begun)]
    seconds = settings.STREAM_STEP_SECONDS if streaming else settings.BODY_STEP_SECONDS
    try:
        await send(
            protocol, answer.head.status, headers, _chunks(answer, lane), client=scope.client, step_seconds=seconds
        )
    except BrokenPipeError:
        log.info("caller_gone", path=scope.path)
    except TimeoutError:
        log.info("caller_too_slow", path=scope.path)
    except Refusal as refusal:
        log.warning("answer_broken_off", path=scope.path, code=refusal.code)
    finally:
        await asyncio.get_running_loop().run_in_executor(lane, answer.response.close)


async def _chunks(answer: Long, lane: ThreadPoolExecutor) -> AsyncIterator[bytes]:
    yield answer.begun
    if not answer.response.streaming:
        return
    rest = iter(answer.response)
    while chunk := await asyncio.get_running_loop().run_in_executor(lane, next, rest, b""):
        yield chunk


def _length(body: bytes) -> tuple[str, str]:
    return "Content-Length", str(len(body))


def _without_length(headers: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (header for header in headers if header[0].lower() != "content-length")
