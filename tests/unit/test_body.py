"""Reading a request's body within bounds, whatever its headers announce."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from foundation.refusals import Refusal
from ingest.receive import admission
from ingest.receive.body import CHUNK_BYTES, read_body
from tests.effort import cpu_seconds

COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


@pytest.fixture(autouse=True)
def _everything_is_given_back():
    yield
    assert admission.BUDGET.taken_bytes == 0


class BrokenConnection(io.RawIOBase):
    """A caller that hangs up in the middle."""

    def __init__(self, start: bytes) -> None:
        self._left = start

    def read(self, _size: int = -1) -> bytes:
        if not self._left:
            raise ConnectionResetError
        start, self._left = self._left, b""
        return start


def post(content: bytes, **headers: str) -> WSGIRequest:
    content_type = headers.pop("content_type", "application/json")
    request = RequestFactory().generic("POST", "/v1/logs", b"-", content_type=content_type, headers=headers)
    return raw(request.META | {"CONTENT_LENGTH": str(len(content))}, io.BytesIO(content))


def chunked(stream: io.IOBase, **environ: object) -> WSGIRequest:
    """Return a request as granian hands it over: it has undone the framing, and its stream ends."""
    base = RequestFactory().post("/v1/logs", b"", content_type="application/json").META
    given = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return raw(base | given | environ, stream)


def raw(environ: dict[str, Any], stream: io.IOBase) -> WSGIRequest:
    return WSGIRequest(environ | {"wsgi.input": stream})


def refusal(request: WSGIRequest) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_body(request)
    return caught.value


def test_body_is_read_and_forgotten():
    with read_body(post(b"{}")) as body:
        assert body.content == b"{}"
    assert body.content == b""


# --- media types and codings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json; charset="UTF8"',
        "application/json; charset=us-ascii",
        "application/json;charset=",
        "application/json; odata=x; charset = UTF-8;",
    ],
)
def test_json_is_accepted(content_type):
    assert read_body(post(b"{}", content_type=content_type)).content == b"{}"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "json"],
)
def test_other_media_types_are_refused(content_type):
    assert refusal(post(b"{}", content_type=content_type)).code == "unsupported_media_type"


@pytest.mark.parametrize("coding", ["gzip", "zstd", "GZIP", " Zstd "])
@pytest.mark.parametrize("content", [b"", b"{}", b"0123456789" * 200_000], ids=["empty", "small", "2 MB"])
def test_compressed_body_is_inflated(coding, content):
    request = post(COMPRESS[coding.strip().lower()](content), content_encoding=coding)
    assert read_body(request).content == content


@pytest.mark.parametrize("coding", ["x-gzip", "X-GZip", "gzip,", ", gzip", "identity, gzip", "\tx-gzip "])
def test_gzip_is_known_by_all_its_names(coding):
    assert read_body(post(gzip.compress(b"{}"), content_encoding=coding)).content == b"{}"


@pytest.mark.parametrize("coding", ["", " ", "identity", "Identity", "identity,", ","])
def test_body_that_is_not_coded_is_taken_as_it_is(coding):
    assert read_body(post(b"{}", content_encoding=coding)).content == b"{}"


@pytest.mark.parametrize("coding", COMPRESS)
@pytest.mark.parametrize("cut", [0, 1, 7, CHUNK_BYTES])
def test_members_in_a_row_are_one_body(coding, cut, monkeypatch):
    parts = [b"{", b'"a":', b"", b"0123456789" * 100_000, b"}"]
    packed = b"".join(map(COMPRESS[coding], parts))
    monkeypatch.setattr("ingest.receive.body.CHUNK_BYTES", cut or len(packed))
    assert read_body(post(packed, content_encoding=coding)).content == b"".join(parts)


def test_skippable_frame_of_zstd_is_skipped():
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    packed = zstd.compress(b"{") + skippable + zstd.compress(b"}")
    assert read_body(post(packed, content_encoding="zstd")).content == b"{}"


@pytest.mark.parametrize("coding", COMPRESS)
def test_members_without_an_end_are_refused(coding):
    for members, is_allowed in ((1_000, True), (1_001, False)):
        request = post(COMPRESS[coding](b"") * members, content_encoding=coding)
        if is_allowed:
            assert read_body(request).content == b""
        else:
            assert refusal(request).code == "bad_compression"


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "x-gzip, zstd", "x-zstd", "gzip;q=1", "gz ip"])
def test_other_codings_are_refused(coding):
    error = refusal(post(b"{}", content_encoding=coding))
    assert (error.code, error.headers["Accept-Encoding"]) == ("unsupported_encoding", "gzip, zstd")


@pytest.mark.parametrize("coding", COMPRESS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:0],
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"x",
        lambda packed: packed + packed[:-1],
        lambda packed: b"x" + packed,
        lambda packed: packed[:-4] + bytes(4),
        lambda packed: packed.hex().encode(),
    ],
    ids=[
        "empty",
        "a byte short",
        "half",
        "trailing byte",
        "half a member",
        "leading byte",
        "checksum",
        "not compressed",
    ],
)
def test_damaged_compression_is_refused(coding, damage):
    checked: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    content = b"".join(b"%d," % n for n in range(100_000))
    packed = gzip.compress(content) if coding == "gzip" else zstd.compress(content, options=checked)
    assert refusal(post(damage(packed), content_encoding=coding)).code == "bad_compression"


def test_raw_deflate_and_zlib_are_no_gzip():
    assert refusal(post(zlib.compress(b"{}"), content_encoding="gzip")).code == "bad_compression"


def test_zstd_window_of_more_than_8_mib_is_refused():
    for window_log, is_allowed in ((23, True), (24, False), (27, False)):
        options: dict[int, int] = {zstd.CompressionParameter.window_log: window_log}
        compressor = zstd.ZstdCompressor(options=options)
        request = post(compressor.compress(b"{}") + compressor.flush(), content_encoding="zstd")
        if is_allowed:
            assert read_body(request).content == b"{}"
        else:
            assert refusal(request).code == "bad_compression"


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_body_is_read_up_to_the_limit(settings):
    settings.MAX_WIRE_BYTES = settings.MAX_BODY_BYTES = 1_000
    for size, is_allowed in ((999, True), (1_000, True), (1_001, False)):
        for request in (post(b"x" * size), chunked(io.BytesIO(b"x" * size))):
            if is_allowed:
                assert len(read_body(request).content) == size
            else:
                assert refusal(request).code == "body_too_large"


def test_body_announced_too_large_is_refused_unread(settings):
    stream = io.BytesIO(b"x" * 10)
    request = raw(post(b"").META | {"CONTENT_LENGTH": str(settings.MAX_WIRE_BYTES + 1)}, stream)
    assert refusal(request).code == "body_too_large"
    assert stream.tell() == 0


def test_endless_chunked_body_is_cut_off_at_the_limit(settings):
    settings.MAX_WIRE_BYTES = 2**20
    with open("/dev/zero", "rb") as endless:
        assert refusal(chunked(endless)).code == "body_too_large"


@pytest.mark.parametrize("coding", COMPRESS)
def test_inflated_size_has_a_limit(settings, coding):
    settings.MAX_BODY_BYTES = 3 * 2**20
    for size, is_allowed in ((settings.MAX_BODY_BYTES, True), (settings.MAX_BODY_BYTES + 1, False)):
        request = post(COMPRESS[coding](bytes(size)), content_encoding=coding)
        if is_allowed:
            assert len(read_body(request).content) == size
        else:
            assert refusal(request).code == "body_too_large"


def bomb_of(coding: str, *, mebibytes: int) -> bytes:
    """Return a small body that inflates to many MiB, made by repeating one flushed block of zeros."""
    zeros = bytes(2**20)
    if coding == "gzip":
        gzipped = zlib.compressobj(9, wbits=31)
        head = gzipped.compress(zeros) + gzipped.flush(zlib.Z_FULL_FLUSH)
        block = gzipped.compress(zeros) + gzipped.flush(zlib.Z_FULL_FLUSH)
        return head + block * mebibytes
    frame = zstd.ZstdCompressor()
    return b"".join(frame.compress(zeros) for _ in range(mebibytes)) + frame.flush()


@pytest.mark.parametrize("coding", COMPRESS)
def test_bomb_is_refused_as_soon_as_it_has_gone_off(settings, coding):
    settings.MAX_BODY_BYTES = 4 * 2**20
    legal, bomb = COMPRESS[coding](bytes(settings.MAX_BODY_BYTES)), bomb_of(coding, mebibytes=1_024)
    streams = []

    def send_bomb() -> None:
        streams.append(io.BytesIO(bomb))
        request = raw(post(bomb, content_encoding=coding).META, streams[-1])
        assert refusal(request).code == "body_too_large"

    effort = cpu_seconds(lambda: read_body(post(legal, content_encoding=coding)).close())
    assert cpu_seconds(send_bomb) < 10 * effort  # its whole would be 256 times as much
    assert max(stream.tell() for stream in streams) <= 2 * CHUNK_BYTES


# --- framing --------------------------------------------------------------------------------------------------------


def test_chunked_body_is_read_to_its_end():
    assert read_body(chunked(io.BytesIO(b"{}"))).content == b"{}"
    packed = chunked(io.BytesIO(gzip.compress(b"{}")), HTTP_CONTENT_ENCODING="gzip")
    assert read_body(packed).content == b"{}"


@pytest.mark.parametrize("length", ["", "x", "-1", "+5", "1e3", "²"])
def test_body_without_a_length_is_refused(length):
    assert refusal(raw(post(b"{}").META | {"CONTENT_LENGTH": length}, io.BytesIO(b"{}"))).code == "length_required"


def test_chunked_body_is_refused_when_the_server_does_not_undo_it():
    assert refusal(chunked(io.BytesIO(b"2\r\n{}\r\n"), **{"wsgi.input_terminated": False})).code == "length_required"


def test_empty_body_is_empty():
    assert read_body(post(b"")).content == b""


def test_body_shorter_than_announced_is_refused():
    assert refusal(raw(post(b"").META | {"CONTENT_LENGTH": "3"}, io.BytesIO(b"{}"))).code == "malformed_json"


def test_caller_that_hangs_up_is_refused():
    whole = post(b"x" * 100).META
    assert refusal(raw(whole, BrokenConnection(b"x" * 50))).code == "malformed_json"
    assert refusal(chunked(BrokenConnection(b"{}"))).code == "malformed_json"


# --- memory in flight -----------------------------------------------------------------------------------------------


@pytest.fixture
def budget(settings, monkeypatch) -> admission.Budget:
    """Room for one body of 4,000 bytes; bodies of more than 1,000 bytes are large."""
    settings.LARGE_BODY_BYTES = 1_000
    small = admission.Budget(8_000)
    monkeypatch.setattr("ingest.receive.body.BUDGET", small)
    return small


def test_large_body_holds_memory_until_it_is_closed(budget):
    with read_body(post(b"x" * 4_000)):
        assert budget.taken_bytes == 8_000
        for request in (post(b"x" * 1_001), chunked(io.BytesIO(b"x" * 1_001))):
            error = refusal(request)
            assert (error.code, error.headers["Retry-After"]) == ("overloaded", "1")
        assert len(read_body(post(b"x" * 1_000)).content) == 1_000
    assert budget.taken_bytes == 0
    read_body(post(b"x" * 4_000)).close()


def test_inflated_bytes_are_what_counts(budget):
    packed = post(gzip.compress(bytes(4_000)), content_encoding="gzip")
    with read_body(packed):
        assert budget.taken_bytes == 8_000
    bomb = post(gzip.compress(bytes(10 * 2**20)), content_encoding="gzip")
    with read_body(post(b"x" * 2_000)):
        assert refusal(bomb).code == "overloaded"
    assert budget.taken_bytes == 0


def test_body_larger_than_the_budget_is_let_in_alone(budget):
    with read_body(post(b"x" * 100_000)):
        assert budget.taken_bytes == 8_000


def test_refused_body_gives_everything_back(budget):
    broken = raw(post(b"").META | {"CONTENT_LENGTH": "4000"}, io.BytesIO(b"x" * 3_000))
    assert refusal(broken).code == "malformed_json"
    assert budget.taken_bytes == 0


def test_callers_that_are_not_known_yet_send_one_large_body_at_a_time(budget):
    with read_body(post(b"x" * 1_500)):
        with pytest.raises(Refusal, match="overloaded"):
            read_body(post(b"x" * 1_500))
        read_body(post(b"x" * 1_500), organisation_id=1).close()


def test_organisation_sends_one_large_body_at_a_time(budget):
    with read_body(post(b"x" * 1_500), organisation_id=1):
        with pytest.raises(Refusal, match="overloaded"):
            read_body(post(b"x" * 1_500), organisation_id=1)
        read_body(post(b"x" * 1_500), organisation_id=2).close()
        read_body(post(b"x" * 1_000), organisation_id=1).close()
    read_body(post(b"x" * 1_500), organisation_id=1).close()
