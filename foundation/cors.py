"""Browsers of other sites: every answer of the API names an allowed origin, so that its page may read refusals, too.

Those whom a public key admits are no business of this: see `accounts.origins`.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse


class OriginMiddleware:
    """Name the origin on whatever comes from further in: no preflight is answered before its framing is right."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._cors = CorsMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        self._cors.add_response_headers(request, response)
        return response


class PreflightMiddleware(OriginMiddleware):
    """Answer preflights of the allowed origins."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._cors.check_preflight(request) and self._is_allowed(request.headers.get("Origin", "")):
            return HttpResponse(headers={"Content-Length": "0"})
        return self.get_response(request)

    def _is_allowed(self, origin: str) -> bool:
        try:
            return self._cors.origin_found_in_white_lists(origin, urlsplit(origin))
        except ValueError:
            return False
