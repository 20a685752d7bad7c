"""The closed list of API errors, and the one handler that renders them as RFC 9457 problems.

An answer never holds a submitted value, a key, SQL or a path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

log = structlog.get_logger(__name__)

#: Every code an answer may carry, with its status and a detail for when the raiser has none more exact.
CODES: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not valid JSON."),
    "invalid_encoding": (400, "The body is not valid UTF-8."),
    "bad_compression": (400, "The body does not decompress as its Content-Encoding says."),
    "invalid_payload": (400, "The payload is not valid."),
    "empty_batch": (400, "logs must hold at least one entry."),
    "too_many_entries": (400, "logs may hold at most 1,000 entries."),
    "field_required": (400, "A required field is missing."),
    "invalid_type": (400, "A field has the wrong type."),
    "invalid_level": (400, "level must be one of debug, info, warn, error, fatal, panic."),
    "invalid_timestamp": (400, "timestamp must be an RFC 3339 date and time."),
    "field_too_large": (400, "A field is too large."),
    "nesting_too_deep": (400, "A field is nested too deeply."),
    "number_out_of_range": (400, "A number is out of range."),
    "invalid_idempotency_key": (400, "Idempotency-Key must be 1 to 255 printable ASCII characters."),
    "invalid_query": (400, "The query is not valid."),
    "invalid_parameter": (400, "A parameter is not valid."),
    "invalid_request": (400, "The request is not valid: its Host, say, or more than 1,000 parameters."),
    "missing_api_key": (401, "Send your API key in the x-api-key header."),
    "invalid_api_key": (401, "The API key is not valid."),
    "https_required": (403, "Use HTTPS. Plain HTTP requests are refused."),
    "forbidden": (403, "This API key may not do that."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "This address does not answer that method."),
    "not_acceptable": (406, "None of the accepted media types can be produced."),
    "request_timeout": (408, "The body came too slowly."),
    "idempotency_in_progress": (409, "A request with this Idempotency-Key is still in progress."),
    "length_required": (411, "Send Content-Length, or a chunked body."),
    "body_too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "Send application/json."),
    "unsupported_encoding": (415, "Content-Encoding may be gzip or zstd."),
    "idempotency_mismatch": (422, "This Idempotency-Key was used with another body."),
    "rate_limited": (429, "Rate limit exceeded."),
    "quota_exhausted": (429, "The monthly byte quota is spent."),
    "too_many_failures": (429, "Too many requests with an invalid API key from this address."),
    "too_many_requests": (429, "Too many requests from this address."),
    "too_many_streams": (429, "Too many live tails are open."),
    "too_many_queries": (429, "Too many queries of your organisation are running."),
    "internal_error": (500, "Internal server error. Retry with backoff."),
    "unsupported_transfer_coding": (501, "Transfer-Encoding may be chunked, and nothing else."),
    "storage_unavailable": (503, "Storage is unavailable. Retry with backoff."),
    "backlog_full": (503, "The backlog is full. Retry with backoff."),
    "overloaded": (503, "The server is busy. Retry with backoff."),
    "query_timeout": (503, "The query took too long. Narrow it or its time range."),
}


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One invalid place in a payload; `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    code: str
    detail: str


class ApiError(exceptions.APIException):
    """A refusal with a code of `CODES`. Members beyond the standard ones go into the problem as they are.

    DRF's kind of exception, so that a failed authentication is not tried again when the answer is made.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        retry_after_seconds: int | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code
        self.status, default_detail = CODES[code]
        self.detail: str = detail or default_detail  # type: ignore[assignment]
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after_seconds is not None:
            self.headers["Retry-After"] = str(retry_after_seconds)
        if self.status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "ApiKey"
        self.members = dict(members or {})
        Exception.__init__(self, code)

    def __str__(self) -> str:
        return self.code


def problem(error: ApiError, request: HttpRequest | None) -> JsonResponse:
    """Render `error` as `application/problem+json`."""
    body: dict[str, Any] = {
        "type": f"{settings.DOCS_URL}/errors#{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": getattr(request, "request_id", None),
        **error.members,
    }
    if error.errors:
        body["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    response = JsonResponse(body, status=error.status, headers=error.headers, content_type="application/problem+json")
    response.code = error.code  # type: ignore[attr-defined]  # luminalog.traffic counts by it
    return response


def as_api_error(exception: Exception) -> ApiError:
    """Translate what a view may raise into the closed list; anything unknown is an `internal_error`, and is logged."""
    match exception:
        case ApiError():
            return exception
        case SuspiciousOperation():
            return ApiError("invalid_request")
        case exceptions.MethodNotAllowed():
            return ApiError("method_not_allowed")
        case exceptions.UnsupportedMediaType():
            return ApiError("unsupported_media_type")
        case exceptions.NotAcceptable():
            return ApiError("not_acceptable")
        case exceptions.NotFound():
            return ApiError("not_found")
        case exceptions.NotAuthenticated():
            return ApiError("missing_api_key")
        case exceptions.PermissionDenied():
            return ApiError("forbidden")
        case DatabaseError() | InterfaceError() if is_outage(exception):
            return _outage(exception)
        case _:
            log.error("internal_error", error=type(exception).__name__, exc_info=exception)
            return ApiError("internal_error")


#: Classes and codes of SQLSTATE that speak of the server's state, not of the statement (PostgreSQL manual, appendix A).
OUTAGES = ("08", "25006", "53", "55P03", "57", "58")
BUSY = ("53300", "55P03", "57014")  # too many connections, lock not available, statement timeout
DISK_FULL = "53100"
LOCK_NOT_AVAILABLE = "55P03"


def is_outage(exception: Exception) -> bool:
    """Tell whether PostgreSQL, and not what was asked of it, is the trouble; it may work again in a moment.

    A connection that breaks in the middle of an answer is a plain `DatabaseError` without a code.
    """
    code = sqlstate(exception)
    return code.startswith(OUTAGES) if code else type(exception) in (DatabaseError, OperationalError, InterfaceError)


def _outage(exception: Exception) -> ApiError:
    code = sqlstate(exception)
    log.warning("storage_unavailable", error=type(exception).__name__, sqlstate=code)
    if code in BUSY:
        return ApiError("overloaded", retry_after_seconds=1)
    return ApiError("storage_unavailable", retry_after_seconds=5)


def sqlstate(exception: Exception) -> str | None:
    """Return PostgreSQL's five-character code of `exception`, if the server gave one."""
    code: str | None = getattr(exception.__cause__, "sqlstate", None)
    return code


def problem_response(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | Response:
    """DRF's exception handler: every exception of an API view becomes a problem."""
    request: HttpRequest = context["request"]._request
    response = problem(as_api_error(exception), request)
    if isinstance(exception, exceptions.MethodNotAllowed):
        response.headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return response
