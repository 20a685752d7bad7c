"""The body of a request: read, inflated and admitted within bounds, whatever its headers announce.

The stream is read here and not by `request.data`: DRF hands no body without a Content-Length to a parser, and
Django 5.2 takes a chunked WSGI body for empty (Django ticket 35838).
"""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from io import BytesIO
from typing import IO, Self

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from foundation.media_types import JSON, content_coding, require_media_type
from foundation.refusals import Refusal
from ingest.receive.admission import BUDGET, RETRY_AFTER_SECONDS, Admission, NoRoom
from ingest.receive.codings import inflater
from ingest.receive.inflate import INFLATERS, Inflate

CHUNK_BYTES = 256 * 2**10


class Body:
    """The bytes of a request's body, and its hold on the memory budget. Close it, best by `with`."""

    def __init__(self, content: bytes, *, admission: Admission) -> None:
        self.content = content
        self._admission = admission

    def close(self) -> None:
        """Forget the bytes and give the memory back."""
        self.content = b""
        self._admission.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def read_body(
    request: HttpRequest,
    *,
    media_types: Collection[str] | None = JSON,
    organisation_id: int | None = None,
    may_be_large: bool = True,
    unnamed_coding: str | None = None,
) -> Body:
    """Read the body of `request`, of one of `media_types` if it names any; None takes all.

    One large body of an organisation, or of all that are unknown, is let in at a time; none that may not be large.
    With an `unnamed_coding` all codings of agents are taken: see `receive.codings`.

    Raises: Refusal `unsupported_media_type`, `unsupported_encoding`, `length_required`, `body_too_large`,
    `bad_compression`, `malformed_json` (ends early) or `overloaded`.
    """
    if media_types is not None:
        require_media_type(request, (*media_types, ""))
    admission = Admission(
        BUDGET, organisation_id=organisation_id, free_bytes=settings.LARGE_BODY_BYTES, may_be_large=may_be_large
    )
    try:
        inflate = _inflater(request, unnamed_coding, admission)
        return Body(_collect(inflate(_chunks(request, admission)), admission), admission=admission)
    except BaseException:
        admission.close()
        raise


def _inflater(request: HttpRequest, unnamed_coding: str | None, admission: Admission) -> Inflate:
    coding = content_coding(request)
    if unnamed_coding is not None:
        return inflater(coding, unnamed=unnamed_coding, cover=partial(_cover, admission))
    if coding not in INFLATERS:
        raise Refusal("unsupported_encoding", headers={"Accept-Encoding": "gzip, zstd"})
    return INFLATERS[coding]


def _cover(admission: Admission, size_bytes: int) -> None:
    if size_bytes > settings.MAX_BODY_BYTES:
        raise Refusal("body_too_large")
    admission.cover(size_bytes)


def _chunks(request: HttpRequest, admission: Admission) -> Iterator[bytes]:
    """Yield the body as it is on the wire, without its framing."""
    announced = request.META.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.META and request.META.get("wsgi.input_terminated"):
        assert isinstance(request, WSGIRequest)
        yield from _read(request.environ["wsgi.input"])
    elif announced.isdecimal():
        yield from _read_exactly(request, int(announced), admission)
    else:
        raise Refusal("length_required")


def _read_exactly(request: HttpRequest, length: int, admission: Admission) -> Iterator[bytes]:
    if length > settings.MAX_WIRE_BYTES:
        raise Refusal("body_too_large")
    admission.cover(length)
    received = 0
    for chunk in _read(request):
        received += len(chunk)
        yield chunk
    if received < length:
        raise Refusal("malformed_json", "The body ended early.")


def _read(stream: IO[bytes] | HttpRequest) -> Iterator[bytes]:
    """Yield chunks until the stream ends. Raises: Refusal when the caller is gone, or sends without an end."""
    received = 0
    try:
        while chunk := stream.read(CHUNK_BYTES):
            received += len(chunk)
            if received > settings.MAX_WIRE_BYTES:
                raise Refusal("body_too_large")
            yield chunk
    except (UnreadablePostError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, NoRoom):
            raise Refusal("overloaded", retry_after_seconds=RETRY_AFTER_SECONDS) from error
        if isinstance(cause, TimeoutError):
            raise Refusal("request_timeout") from error
        raise Refusal("malformed_json", "The body ended early.") from error


def _collect(pieces: Iterable[bytes], admission: Admission) -> bytes:
    """Join the pieces; memory is held before it is used. BytesIO gives its buffer away without a copy.

    A refusal's traceback keeps this frame alive: what was collected is let go before the budget is.
    """
    size_bytes = 0
    with BytesIO() as content:
        for piece in pieces:
            size_bytes += len(piece)
            _cover(admission, size_bytes)
            content.write(piece)
        return content.getvalue()
