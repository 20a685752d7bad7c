"""The closed list of reasons for which a request is refused. Knows no framework: `errors` makes answers of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

#: Every code an answer may carry, with its status and a detail for when the raiser has none more exact.
CODES: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not valid JSON."),
    "malformed_protobuf": (400, "The body is not the protobuf message that this address takes."),
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
    "request_timeout": (408, "The body came too slowly."),
    "idempotency_in_progress": (409, "A request with this Idempotency-Key is still in progress."),
    "stale_request": (409, "A later request of this edge was answered before: this one comes too late."),
    "length_required": (411, "Send Content-Length, or a chunked body."),
    "body_too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "Send application/json."),
    "unsupported_encoding": (415, "Content-Encoding may be gzip or zstd."),
    "idempotency_mismatch": (422, "This Idempotency-Key was used with another body."),
    "rate_limited": (429, "Rate limit exceeded."),
    "quota_exhausted": (429, "The monthly byte quota is spent."),
    "allowance_exhausted": (429, "This API key has sent what it may send today."),
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


class Refusal(Exception):
    """A request is refused, with a code of `CODES`. Members beyond the standard ones go into the answer as they are."""

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
        self.detail = detail or default_detail
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after_seconds is not None:
            self.headers["Retry-After"] = str(retry_after_seconds)
        if self.status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "ApiKey"
        self.members = dict(members or {})
        super().__init__(code)
