"""Browsers of other sites: every answer of the API names an allowed origin, so that its page may read refusals, too."""

from collections.abc import Callable

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
    """Answer preflights."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        preflight = self._cors.check_preflight(request)
        return HttpResponse(headers={"Content-Length": "0"}) if preflight else self.get_response(request)
