"""The one reader of what our own pages send: whatever comes, an object or a refusal with a code."""

import io
import json
from typing import Any

import pytest
from django.test import RequestFactory

from foundation.json_object import MAX_BYTES, read_object
from foundation.plain_request import PlainRequest
from foundation.refusals import Refusal


def post(
    content: bytes, *, content_type: str = "application/json", stream: io.IOBase | None = None, **environ: object
) -> PlainRequest:
    base = RequestFactory().generic("POST", "/", b"-").META
    stream = stream or io.BytesIO(content)
    given = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(content)), "wsgi.input": stream}
    return PlainRequest(base | given | environ)


def code(request: PlainRequest) -> str:
    with pytest.raises(Refusal) as caught:
        read_object(request)
    assert caught.value.status in (400, 411, 413, 415)
    return caught.value.code


@pytest.mark.parametrize("content", [b"{}", b'\xef\xbb\xbf {"a": [1, null], "\xc3\xa9": "\\ud83d\\ude00"}\n'])
def test_object_is_read(content: bytes) -> None:
    assert read_object(post(content)) == json.loads(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a":1}}', "malformed_json"),
        (b'{"a": NaN}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"name": "\\ud83d"}', "malformed_json"),
        (b'{"name": "\\ude00\\ud83d"}', "malformed_json"),
        (b"\xff", "invalid_encoding"),
        (b'{"name": "caf\xe9"}', "invalid_encoding"),
        (b'{"name": "\xed\xa0\xbd"}', "invalid_encoding"),
        ('{"a": 1}'.encode("utf-16"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-16-le"), "malformed_json"),
        (b"[]", "invalid_payload"),
        (b"null", "invalid_payload"),
        (b'"text"', "invalid_payload"),
        (b"1", "invalid_payload"),
        (b'{"name": "a\\u0000"}', "invalid_payload"),
        (b'{"a":' * 10_000, "nesting_too_deep"),
        (b'{"a":' + b"[" * 60_000, "nesting_too_deep"),
        (b" " * (MAX_BYTES + 1), "body_too_large"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_anything_else_is_refused_by_name(content: bytes, expected: str) -> None:
    assert code(post(content)) == expected


@pytest.mark.parametrize("number", [b"9" * 5_000, b"1e999", b"-1e999"], ids=["long", "large", "small"])
def test_number_that_nothing_can_hold_is_refused(number: bytes) -> None:
    assert code(post(b'{"a": %b}' % number)) in ("malformed_json", "invalid_payload")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-patch",
     "application/json; charset=nonsense", "application/json; charset=latin-1", "application/json; charset=utf-16",
     "application/json; charset*=hex''%41", "application/json; charset*=nonsense''%41",
     "application/json; charset=\xff"],
)  # fmt: skip
def test_other_types_and_charsets_are_refused(content_type: str) -> None:
    assert code(post(b"{}", content_type=content_type)) == "unsupported_media_type"


def test_coded_body_is_refused() -> None:
    assert code(post(b"{}", HTTP_CONTENT_ENCODING="gzip")) == "unsupported_encoding"


@pytest.mark.parametrize("length", ["", "x", "-1", "+2", "²"])
def test_body_without_a_length_is_refused(length: str) -> None:
    assert code(post(b"{}", CONTENT_LENGTH=length)) == "length_required"


def test_body_that_is_announced_too_large_is_not_read() -> None:
    stream = io.BytesIO(b"{}")
    request = post(b"{}", CONTENT_LENGTH="9" * 5_000, stream=stream)
    assert code(request) == "body_too_large"
    assert stream.tell() == 0


def test_body_that_ends_early_is_refused() -> None:
    assert code(post(b"{}", CONTENT_LENGTH="3")) == "malformed_json"


class SlowCaller(io.RawIOBase):
    """A caller that sends nothing for too long, or hangs up."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _size: int = -1) -> Any:
        raise self.error


def test_caller_that_does_not_send_is_told_why() -> None:
    with pytest.raises(Refusal) as slow:
        read_object(post(b"{}", stream=SlowCaller(TimeoutError())))
    assert slow.value.code == "request_timeout"
    assert code(post(b"{}", stream=SlowCaller(ConnectionResetError()))) == "malformed_json"


@pytest.mark.parametrize("charset", ["hex", "rot13", "utf-16", "idna", "nonsense", "undefined", "\xff"])
def test_address_is_read_as_utf8_whatever_the_body_is_said_to_be(charset: str) -> None:
    request = post(b"", content_type=f"application/json; charset={charset}", QUERY_STRING="query=caf%C3%A9")
    assert request.GET["query"] == "café"
