"""Content codings of agents, named, misnamed and unnamed; in pieces, and bounded before and after inflating."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from random import Random

import brotli
import pytest
import zstandard
from cramjam import snappy

from foundation.refusals import Refusal
from ingest.receive.codings import SNAPPY_BLOCK, inflater, shown_by

BODY = b'{"streams": [' + b"0123456789abcdef" * 8_000 + b"]}"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def frames(body: bytes) -> bytes:
    return bytes(snappy.compress(body))


def block(body: bytes) -> bytes:
    return bytes(snappy.compress_raw(body))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "br": brotli.compress,
    "snappy": frames,
}


def inflate(packed: bytes, coding: str, *, unnamed: str = "", step: int = 1_000, most_bytes: int = 2**21) -> bytes:
    def cover(size_bytes: int) -> None:
        if size_bytes > most_bytes:
            raise Refusal("body_too_large")

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(packed), step):
            yield packed[start : start + step]

    content = b""
    for piece in inflater(coding, unnamed=unnamed, cover=cover)(chunks()):
        assert len(piece) <= 2**19 or coding in ("snappy", "") or unnamed
        content += piece
        cover(len(content))
    return content


@pytest.mark.parametrize("step", [1, 7, 10**9])
@pytest.mark.parametrize(
    ("coding", "pack"), [*PACKERS.items(), ("deflate", raw_deflate), ("snappy", block), ("", lambda body: body)]
)
def test_named_codings_are_undone(coding: str, pack: Callable[[bytes], bytes], step: int):
    assert inflate(pack(BODY), coding, step=step) == BODY


@pytest.mark.parametrize("coding", ["", "gzip,deflate", "nonsense"])
@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd", "snappy"])
def test_coding_shows_by_its_first_bytes(name: str, coding: str):
    assert shown_by(PACKERS[name](BODY)) == name
    assert inflate(PACKERS[name](BODY), coding, unnamed=SNAPPY_BLOCK) == BODY


def test_what_has_no_name_and_shows_nothing_is_what_the_protocol_says():
    assert inflate(block(BODY), "", unnamed=SNAPPY_BLOCK) == BODY
    assert inflate(BODY, "", unnamed=SNAPPY_BLOCK) == BODY  # begins as JSON does
    assert inflate(b"x^2 is a text", "") == b"x^2 is a text"


def test_members_in_a_row_are_one_body():
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b"), "gzip") == b"ab"
    assert inflate(frames(b"a") + frames(b"b"), "snappy") == b"ab"


@pytest.mark.parametrize("coding", [*PACKERS, "snappy block"])
def test_bombs_end_at_the_bound(coding: str):
    pack = PACKERS.get(coding, block)
    packed = pack(b"\0" * 2**25)
    assert len(packed) < 2**21
    with pytest.raises(Refusal, match="body_too_large"):
        inflate(packed, "snappy" if coding == "snappy block" else coding)


@pytest.mark.parametrize("coding", [*PACKERS, "raw deflate", "snappy block"])
def test_broken_bodies_are_refused_or_inflated_and_nothing_else(coding: str):
    pack = {"raw deflate": raw_deflate, "snappy block": block, **PACKERS}[coding]
    name = {"raw deflate": "deflate", "snappy block": "snappy"}.get(coding, coding)
    dice, refused, codes = Random(18), 0, set()
    for _ in range(150):
        packed = bytearray(pack(dice.randbytes(300) + BODY[:2_000]))
        for _ in range(dice.randint(1, 4)):
            packed[dice.randrange(len(packed))] = dice.randrange(256)
        try:
            inflate(bytes(packed[: dice.choice([len(packed), dice.randrange(len(packed))])]), name)
        except Refusal as refusal:
            codes.add(refusal.code)
            refused += 1
    assert refused > 50
    assert codes <= {"bad_compression", "body_too_large"}
