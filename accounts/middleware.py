"""The refusal of plain HTTP. It lives here because the key that came along is marked as overheard."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.plain_http import plain_http
from luminalog.errors import ApiError, problem


class HttpsOnlyMiddleware:
    """Refuse plain HTTP outside development, before the body is read; never redirect: the key has been sent already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.DEVELOPMENT or request.is_secure() or not request.path.startswith("/v1/"):
            return self.get_response(request)
        plain_http.note(request.META.get("HTTP_X_API_KEY", ""))
        return problem(ApiError("https_required"), request)
