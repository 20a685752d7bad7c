"""The express lane: nearly every request is a small plain body with a key in the header, and needs no Django.

It goes on the event loop, and on a thread while a larger body is read, by the same functions as in the view but without
middlewares, WSGI and DRF. The head of a request must hold nothing but what is known here to change nothing, or to be
looked at here. The head of an answer is learnt from the view's: the first such request of a process goes there.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import structlog
from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope

from accounts.addresses import client_address
from accounts.directory import directory
from accounts.last_use import last_use
from foundation import traffic
from foundation.media_types import is_acceptable
from foundation.middleware import is_known_host, request_id_of
from foundation.plain_request import read_content_type
from ingest.express import AT_ONCE_BYTES, MAX_BODY_BYTES, Answered, Found, Pass, is_for, take, vouch
from ingest.protocol import Protocol
from ingest.protocols.luminalog import LUMINALOG
from quotas.throttling import headers_of

log = structlog.get_logger(__name__)

ADDRESSES: dict[str, Protocol] = {"/v1/logs": LUMINALOG}
#: What of a request's head the lane looks at.
LOOKED_AT = {
    "host", "content-length", "content-type", "x-api-key", "user-agent", "x-request-id", "x-forwarded-for",
    "x-forwarded-proto",
}  # fmt: skip
#: What no middleware and no view of ours reads in a POST.
HARMLESS = {
    "accept", "accept-charset", "accept-encoding", "accept-language", "b3", "baggage", "cache-control", "cdn-loop",
    "cf-connecting-ip", "cf-ipcountry", "cf-ray", "cf-visitor", "connection", "date", "dnt", "forwarded", "from",
    "keep-alive", "pragma", "priority", "referer", "request-id", "traceparent", "tracestate", "via", "x-amzn-trace-id",
    "x-b3-sampled", "x-b3-spanid", "x-b3-traceid", "x-cloud-trace-context", "x-correlation-id", "x-forwarded-host",
    "x-forwarded-port", "x-forwarded-server", "x-real-ip",
}  # fmt: skip
KNOWN = frozenset(LOOKED_AT | HARMLESS)
#: Headers of an answer that are each answer's own; the rest is the same for all.
OWN = (
    "content-length",
    "content-type",
    "x-ratelimit-deferred",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Order:
    """A request that may go by the lane, as far as its head tells."""

    path: str
    protocol: Protocol
    headers: dict[str, str]
    size_bytes: int


class ExpressLane:
    """The lane of one process."""

    def __init__(self) -> None:
        self._heads: dict[str, Headers] = {}

    def look(self, scope: Scope) -> Order | None:
        """Look at a request's head; None when it is not for the lane."""
        protocol = ADDRESSES.get(scope.path)
        if protocol is None or scope.method != "POST" or scope.query_string or scope.http_version != "1.1":
            return None
        if scope.authority or not KNOWN.issuperset(scope.headers.keys()):
            return None
        headers = dict(items := scope.headers.items())
        if not len(headers) == len(items) == len(scope.headers.keys()):  # one came twice, or is no ASCII
            return None
        if "x-api-key" not in headers:  # it may be in the body
            return None
        announced = headers.get("content-length", "")
        if not (announced.isdecimal() and len(announced) < 8 and 0 < int(announced) <= MAX_BODY_BYTES):
            return None
        if not (_is_safe(scope, headers) and is_known_host(headers.get("host", ""))):
            return None
        if not _is_plain(headers.get("content-type", ""), protocol):
            return None
        return Order(scope.path, protocol, headers, int(announced))

    async def take(
        self, order: Order, body: bytes, scope: Scope, protocol: HTTPProtocol, *, reader: Executor
    ) -> Answered | Found | None:
        """Take the batch and answer. What is found in its way is for the view to answer.

        None leaves all of it to the view: nothing has been taken then. What is not read at once `reader` reads.
        """
        began = time.perf_counter()
        given = await self._vouch(order, body, reader)
        if given is None:
            return None
        _note_use(given.caller.api_key_id, order, scope)
        request_id = request_id_of(order.headers.get("x-request-id", ""))
        answered = await take(given, request_id=request_id)
        if isinstance(answered, Answered):
            self._answer(answered, order.path, request_id, protocol)
            with _bound(request_id):
                traffic.count(order.path, "POST", answered.reply.status, code=answered.code, began=began)
        return answered

    async def _vouch(self, order: Order, body: bytes, reader: Executor) -> Pass | None:
        """Look at its caller and its body."""
        if order.path not in self._heads or len(body) != order.size_bytes:
            return None
        caller = directory.recall(order.headers["x-api-key"])
        if caller is None or not is_for(caller):
            return None
        if order.size_bytes <= AT_ONCE_BYTES and (given := vouch(caller, order.protocol, body, at_once=True)):
            return given
        closer = partial(vouch, caller, order.protocol, body, at_once=False)
        return await asyncio.get_running_loop().run_in_executor(reader, closer)

    def _answer(self, answered: Answered, path: str, request_id: str, protocol: HTTPProtocol) -> None:
        reply = answered.reply
        own = {
            "Content-Type": reply.media_type,
            "Content-Length": str(len(reply.body)),
            "X-Request-ID": request_id,
            **headers_of(answered.verdict),
            **reply.headers,
        }
        try:
            protocol.response_bytes(reply.status, [*self._heads[path], *own.items()], reply.body)
        except ProtocolClosed:
            log.info("caller_gone", path=path)

    def learning(self, order: Order, django: Callable[..., Any]) -> Callable[..., Any]:
        """Return Django's application, of whose answer to this request the lane learns what it lacks."""
        return self._learn_from(order.path, django) if order.path not in self._heads else django

    def _learn_from(self, path: str, django: Callable[..., Any]) -> Callable[..., Any]:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            response = django(environ, start_response)
            if start_response.status == HTTPStatus.OK:
                self._heads[path] = list(_shared(start_response.headers))
            return response

        return answer


def _shared(headers: Sequence[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return (header for header in headers if header[0].lower() not in OWN)


def _is_safe(scope: Scope, headers: dict[str, str]) -> bool:
    """Tell whether nobody could listen: as Django's `is_secure`, and no more."""
    if settings.DEVELOPMENT:
        return True
    return headers.get("x-forwarded-proto") == "https" if settings.TRUSTED_PROXIES else scope.scheme == "https"


@lru_cache(maxsize=256)
def _is_plain(content_type: str, protocol: Protocol) -> bool:
    return is_acceptable(*read_content_type(content_type), (*protocol.media_types, ""))


def _note_use(api_key_id: int, order: Order, scope: Scope) -> None:
    if last_use.is_noted(api_key_id):
        return
    meta = {"REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]")}
    if "x-forwarded-for" in order.headers:
        meta["HTTP_X_FORWARDED_FOR"] = order.headers["x-forwarded-for"]
    address = client_address(SimpleNamespace(META=meta))
    last_use.note(api_key_id, address=address, client=order.headers.get("user-agent", ""))


def _bound(request_id: str) -> Any:
    """Have the log's line of this request name it."""
    return structlog.contextvars.bound_contextvars(request_id=request_id) if settings.ACCESS_LOG else nullcontext()
