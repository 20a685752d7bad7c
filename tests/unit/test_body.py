"""Reading a request's body within bounds."""

import gzip

import pytest
from backports import zstd
from django.test import RequestFactory

from ingest.admission import BUDGET
from ingest.body import read_body
from luminalog.errors import ApiError


def post(content: bytes, **headers: str):
    return RequestFactory().generic("POST", "/v1/logs", content, content_type="application/json", headers=headers)


def refusal(request) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_body(request)
    assert BUDGET.taken_bytes == 0
    return caught.value


def test_plain_body_is_read():
    with read_body(post(b"{}")) as body:
        assert body.content == b"{}"


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress), ("GZIP", gzip.compress)]
)
def test_compressed_body_is_inflated(coding, compress):
    content = b"0123456789" * 200_000
    with read_body(post(compress(content), content_encoding=coding)) as body:
        assert body.content == content


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b, lambda b: b + b"x", lambda b: b"x" + b])
def test_damaged_compression_is_refused(coding, damage):
    packed = {"gzip": gzip.compress, "zstd": zstd.compress}[coding](b"{}" * 1000)
    assert refusal(post(damage(packed), content_encoding=coding)).code == "bad_compression"


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "gzip,"])
def test_other_codings_are_refused(coding):
    error = refusal(post(b"{}", content_encoding=coding))
    assert (error.code, error.headers["Accept-Encoding"]) == ("unsupported_encoding", "gzip, zstd")
