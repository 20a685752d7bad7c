"""The web process: granian's RSGI on one side, Django's WSGI application, on threads of ours, on the other.

Granian's own WSGI hands `x_api_key` and `x-api-key` on as one, and lends a thread to whoever sends a body slowly.
"""

import asyncio
import math
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope

from foundation import memory
from ingest.spool.capacity import capacity
from luminalog.server.request_body import RequestBody
from luminalog.server.senders import Senders

log = structlog.get_logger(__name__)

#: A body up to this size is here before a thread is spent on its request.
SMALL_BODY_BYTES = 64 * 2**10
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

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian's worker begins."""
        capacity.watch()
        memory.watch()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        loop = asyncio.get_running_loop()
        environ = wsgi_environ(scope)
        body = environ["wsgi.input"] = RequestBody(protocol, loop)
        if (announced := _announced_bytes(environ)) > SMALL_BODY_BYTES:
            await self._answer_large(announced, environ, protocol, loop)
            return
        if announced:
            await body.receive()
        await loop.run_in_executor(self._small, _answer, self._django, environ, protocol, loop)

    async def _answer_large(
        self, announced: float, environ: dict[str, Any], protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop
    ) -> None:
        sender, body = await self._senders.find(environ), environ["wsgi.input"]
        async with AsyncExitStack() as until_answered:
            if sender and (math.isinf(announced) or announced <= settings.LARGE_BODY_BYTES):
                await sender.receive(body, announced, until_answered)
            if sender and not (sender.is_known or settings.TRUSTED_PROXIES):
                body.refuse(OSError("a stranger's body is too large"))
            await loop.run_in_executor(self._large, _answer, self._django, environ, protocol, loop)


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


def _answer(
    django: Callable[..., Any], environ: dict[str, Any], protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop
) -> None:
    """Let Django answer; a caller who has gone is told nothing."""
    head = Head()
    response = django(environ, head)
    try:
        if environ["REQUEST_METHOD"] == "HEAD":  # nothing is read that nobody is sent
            protocol.response_empty(head.status, head.headers)
        elif response.streaming:
            _stream(protocol.response_stream(head.status, head.headers), response, loop)
        else:
            protocol.response_bytes(head.status, head.headers, b"".join(response))
    except ProtocolClosed:
        log.info("caller_gone", path=environ["PATH_INFO"])
    finally:
        response.close()


def _stream(transport: Any, chunks: Iterable[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """Send piece after piece, each when the caller has taken the one before."""

    async def send(chunk: bytes) -> None:
        await transport.send_bytes(chunk)

    for chunk in chunks:
        asyncio.run_coroutine_threadsafe(send(chunk), loop).result()
