"""What a request says of its body: media type, charset and content coding, in whatever way it is written."""

from collections.abc import Collection, Mapping

from django.http import HttpRequest

from foundation.refusals import Refusal

JSON = ("application/json",)
#: Names of UTF-8, and of its part that has a name of its own; an empty one says nothing.
UTF8 = ("utf-8", "utf8", "us-ascii", "ascii", "")
#: Older names that mean the same (RFC 9110, section 8.4.1).
CODINGS = {"x-gzip": "gzip"}


def require_media_type(request: HttpRequest, media_types: Collection[str]) -> None:
    """Refuse a body of another type, or in another charset than UTF-8. Raises: Refusal `unsupported_media_type`."""
    if not is_acceptable(request.content_type or "", request.content_params or {}, media_types):
        raise Refusal("unsupported_media_type")


def is_acceptable(media_type: str, parameters: Mapping[str, str], media_types: Collection[str]) -> bool:
    """Tell whether a body is of one of these types, and in UTF-8."""
    return media_type in media_types and parameters.get("charset", "").strip().lower() in UTF8


def content_coding(request: HttpRequest) -> str:
    """Return the content codings by their names of today, joined by commas; empty when the body is as it is."""
    given = [name.strip().lower() for name in request.headers.get("Content-Encoding", "").split(",")]
    return ",".join(CODINGS.get(name, name) for name in given if name not in ("", "identity"))
