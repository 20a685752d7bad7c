"""Requests whose address and forms are UTF-8, whatever charset their Content-Type names.

Django would decode the query string by it too: garbage by `utf-16`, and an exception outside every handler by `hex`.
"""

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

#: What a Content-Type that cannot be read is taken for: no view's.
UNREADABLE = "unreadable"


class PlainRequest(WSGIRequest):
    """A request of the web process."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        self.content_type, self.content_params = read_content_type(meta.get("CONTENT_TYPE", ""))


class PlainTailRequest(ASGIRequest):
    """A request of the tail's process."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        self.content_type, self.content_params = read_content_type(meta.get("CONTENT_TYPE", ""))


class PlainHandler(WSGIHandler):
    """Django's WSGI application, of plain requests."""

    request_class = PlainRequest


def read_content_type(header: str) -> tuple[str, dict[str, str]]:
    """Return the media type in lower case, and its parameters."""
    try:
        media_type, parameters = parse_header_parameters(header)
    except (ValueError, LookupError):
        return UNREADABLE, {}
    return media_type, {name: str(value) for name, value in parameters.items()}
