"""How a refusal becomes an answer: RFC 9457 problems, and the one handler for all that a view may raise.

An answer never holds a submitted value, a key, SQL or a path.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from foundation.outages import BUSY, is_outage, sqlstate
from foundation.refusals import Refusal

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"

CODES_OF_DRF: dict[type[Exception], str] = {
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAuthenticated: "missing_api_key",
    exceptions.NotFound: "not_found",
    exceptions.PermissionDenied: "forbidden",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}


class RefusedCaller(exceptions.APIException):
    """A `Refusal` while DRF authenticates: of its own kind, so that it is not tried again when the answer is made."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        Exception.__init__(self, refusal.code)


def problem_members(error: Refusal, *, request_id: str | None) -> dict[str, Any]:
    """Return what a problem says of `error`."""
    members: dict[str, Any] = {
        "type": f"{settings.DOCS_URL}/errors#{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        **error.members,
    }
    if error.errors:
        members["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    return members


def problem(error: Refusal, request: HttpRequest | None) -> JsonResponse:
    """Render `error` as `application/problem+json`."""
    members = problem_members(error, request_id=getattr(request, "request_id", None))
    response = JsonResponse(members, status=error.status, headers=error.headers, content_type=PROBLEM_TYPE)
    response.code = error.code  # type: ignore[attr-defined]  # `traffic` counts by it
    return response


def as_refusal(exception: Exception) -> Refusal:
    """Translate what a view may raise into the closed list; anything unknown is an `internal_error`, and is logged."""
    match exception:
        case Refusal():
            return exception
        case RefusedCaller():
            return exception.refusal
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return Refusal("invalid_request")
        case Http404():
            return Refusal("not_found")
        case PermissionDenied():
            return Refusal("forbidden")
        case exceptions.APIException() if type(exception) in CODES_OF_DRF:
            return Refusal(CODES_OF_DRF[type(exception)])
        case DatabaseError() | InterfaceError() if is_outage(exception):
            return _outage(exception)
        case _:
            log.error("internal_error", error=type(exception).__name__, exc_info=exception)
            return Refusal("internal_error")


def _outage(exception: Exception) -> Refusal:
    code = sqlstate(exception)
    log.warning("storage_unavailable", error=type(exception).__name__, sqlstate=code)
    if code in BUSY:
        return Refusal("overloaded", retry_after_seconds=1)
    return Refusal("storage_unavailable", retry_after_seconds=5)


def problem_response(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | Response:
    """DRF's exception handler: every exception of an API view becomes a problem."""
    request: HttpRequest = context["request"]._request
    response = problem(as_refusal(exception), request)
    if isinstance(exception, exceptions.MethodNotAllowed):
        response.headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return response
