"""A small JSON object as a request's body: what our own pages send. Read strictly, and never more than it may be."""

from typing import Any

from django.http import HttpRequest
from django.http.request import UnreadablePostError
from msgspec import DecodeError, ValidationError, json

from foundation.media_types import JSON, content_coding, require_media_type
from foundation.refusals import Refusal

MAX_BYTES = 64 * 2**10
BOM = b"\xef\xbb\xbf"

_decode = json.Decoder(dict[str, Any]).decode


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Return the object; none of its texts holds a NUL, which PostgreSQL keeps nowhere.

    Raises: Refusal `unsupported_media_type`, `unsupported_encoding`, `length_required`, `body_too_large`,
    `request_timeout`, `malformed_json`, `invalid_encoding`, `nesting_too_deep` or `invalid_payload`.
    """
    require_media_type(request, JSON)
    if content_coding(request):
        raise Refusal("unsupported_encoding", "Send the body as it is.")
    found = _decoded(_received(request).removeprefix(BOM))
    if any("\0" in value for value in found.values() if isinstance(value, str)):
        raise Refusal("invalid_payload")
    return found


def _received(request: HttpRequest) -> bytes:
    announced = request.META.get("CONTENT_LENGTH") or ""
    if not (announced.isascii() and announced.isdecimal()):
        raise Refusal("length_required", "Send Content-Length.")
    if len(announced) > len(str(MAX_BYTES)) or int(announced) > MAX_BYTES:
        raise Refusal("body_too_large")
    try:
        body = request.read(int(announced))
    except UnreadablePostError as error:
        raise Refusal("request_timeout" if isinstance(error.__cause__, TimeoutError) else "malformed_json") from error
    if len(body) < int(announced):
        raise Refusal("malformed_json", "The body ended early.")
    return body


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return _decode(body.decode())
    except UnicodeDecodeError as error:
        raise Refusal("invalid_encoding") from error
    except RecursionError as error:
        raise Refusal("nesting_too_deep", "The body is nested too deeply.") from error
    except ValidationError as error:
        raise Refusal("invalid_payload", "The body must be an object.") from error
    except DecodeError as error:
        raise Refusal("malformed_json") from error
