"""What every request gets: an id, a look at its method, framing and end, and a policy for the browser."""

import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

from foundation import content_security
from foundation.errors import problem
from foundation.refusals import Refusal

GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def request_id_of(given: str) -> str:
    """Return the caller's own id of a request if it is fit for our logs, else one of ours."""
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


class RequestContextMiddleware:
    """Give the request an id, ours or the caller's own; it is on every answer and every log line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request.headers.get("X-Request-ID", ""))
        request.request_id = request_id  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


class FramingMiddleware:
    """Refuse any transfer coding but `chunked`, once (RFC 9112, section 6.1), and hang up.

    granian reads `gzip, chunked` as chunks of what it leaves compressed. A proxy that reads it otherwise would take
    the request's end for somewhere else.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() == "chunked":
            return self.get_response(request)
        return problem(Refusal("unsupported_transfer_coding", headers={"Connection": "close"}), request)


class UnreadBodyMiddleware:
    """Take what is left of a refused request's body off a trusted proxy, which has it whole already.

    The proxy passes our answer on then, and no 502 for a connection that broke under it.
    """

    CHUNK_BYTES = 2**18

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if settings.TRUSTED_PROXIES and response.status_code >= HTTPStatus.BAD_REQUEST:
            with suppress(OSError):
                while request.read(self.CHUNK_BYTES):
                    pass
        return response


class KnownHostMiddleware(CommonMiddleware):
    """Refuse foreign hosts, as Django does, but where balancers and kubelets ask for health: they go by address.

    A missing slash at the end is put there for whoever reads; a form that is sent would be lost on the way.
    """

    HEALTH = ("/healthz", "/readyz")

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path in self.HEALTH else super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


@lru_cache(maxsize=256)
def is_known_host(host: str) -> bool:
    """Tell whether a request to `host` (the header's value) is for us."""
    request = HttpRequest()
    request.META["HTTP_HOST"] = host
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


class KnownMethodsMiddleware:
    """Refuse TRACE and whatever else no view is meant for: Django would take it for a GET."""

    METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in self.METHODS:
            return self.get_response(request)
        return problem(Refusal("method_not_allowed", headers={"Allow": ", ".join(self.METHODS)}), request)


class ContentSecurityPolicyMiddleware:
    """Let browsers run and show only what this server sends. A page with other needs sets its own header."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(content_security.HEADER, content_security.OWN)
        return response
