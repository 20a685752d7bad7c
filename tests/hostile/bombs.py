"""Small bodies that would grow, nest or count without an end, and the codes that they are refused with."""

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from tests.hostile.site import LOG, batch

GIGABYTE = 10**9
MEBIBYTE = 2**20
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ENTRY = json.dumps(LOG | {"message": "m"}).encode()


@dataclass(frozen=True)
class Bomb:
    """A body, and the code of the answer; None for 200."""

    name: str
    code: str | None
    build: Callable[[], bytes]
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.name


def gzip_of_zeros(size: int) -> bytes:
    """Return a gzip member of `size` zeros, of which nobody had to compress more than 16 MiB."""
    piece = 16 * MEBIBYTE
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    compressor.compress(b"")
    block = compressor.compress(bytes(piece)) + compressor.flush(zlib.Z_FULL_FLUSH)
    count = size // piece
    return GZIP_HEADER + block * count + b"\x03\x00" + struct.pack("<II", 0, (count * piece) % 2**32)


def zstd_of_zeros(size: int, *, window_log: int = 23, content_size: int | None = None) -> bytes:
    """Return a Zstandard frame (RFC 8878) of run-length blocks: 4 bytes for each 128 KiB."""
    run = 128 * 2**10
    if content_size is None:
        header = struct.pack("<BB", 0, (window_log - 10) << 3)
    else:
        header = struct.pack("<BQ", 0b11100000, content_size)  # a single segment: the window is the content
    count = max(1, size // run)
    blocks = [struct.pack("<I", run << 3 | 1 << 1 | (n == count - 1))[:3] + b"\0" for n in (0, count - 1)]
    return ZSTD_MAGIC + header + blocks[0] * (count - 1) + blocks[1]


def logs(entry: bytes, *, count: int = 1) -> bytes:
    return b'{"logs":[' + b",".join([entry] * count) + b"]}"


def with_metadata(metadata: bytes) -> bytes:
    return logs(ENTRY[:-1] + b',"metadata":' + metadata + b"}")


def keys(count: int, name: str) -> bytes:
    return b"{" + b",".join(f'"{name}":1'.format(n).encode() for n in range(count)) + b"}"


GZIP, ZSTD = {"Content_Encoding": "gzip"}, {"Content_Encoding": "zstd"}

BOMBS = [
    # --- compression ---
    Bomb("gzip of 10 GB", "body_too_large", lambda: gzip_of_zeros(10 * GIGABYTE), GZIP),
    Bomb("zstd of 10 GB", "body_too_large", lambda: zstd_of_zeros(10 * GIGABYTE), ZSTD),
    Bomb("zstd with a window of 2 GB", "bad_compression", lambda: zstd_of_zeros(MEBIBYTE, window_log=31), ZSTD),
    Bomb("zstd with the largest window", "bad_compression", lambda: zstd_of_zeros(MEBIBYTE, window_log=41), ZSTD),
    Bomb("zstd that announces 4 EB", "bad_compression", lambda: zstd_of_zeros(MEBIBYTE, content_size=2**62), ZSTD),
    Bomb("zstd: 1,000,000 empty blocks", "bad_compression", lambda: ZSTD_MAGIC + b"\0\x68" + bytes(3_000_000), ZSTD),
    Bomb("zstd: skippable frame", "bad_compression", lambda: b"\x50\x2a\x4d\x18\xff\xff\xff\x7f" + bytes(10**6), ZSTD),
    Bomb("zstd with a dictionary", "bad_compression", lambda: ZSTD_MAGIC + b"\x03\x68\1\2\3\4\1\0\0", ZSTD),
    Bomb("gzip: 10,000 members", "bad_compression", lambda: gzip.compress(b" ") * 10_000, GZIP),
    Bomb("gzip: a member after the batch", "malformed_json", lambda: gzip.compress(batch("m")) * 2, GZIP),
    Bomb("gzip: name of 10 MB", "bad_compression", lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 10**7, GZIP),
    Bomb("gzip: empty blocks", "bad_compression", lambda: GZIP_HEADER + b"\0\0\0\xff\xff" * 500_000, GZIP),
    Bomb("gzip in gzip", "invalid_encoding", lambda: gzip.compress(gzip.compress(batch("m"))), GZIP),
    Bomb("deflate", "unsupported_encoding", lambda: zlib.compress(batch("m")), {"Content_Encoding": "deflate"}),
    Bomb("gzip twice", "unsupported_encoding", lambda: gzip.compress(b""), {"Content_Encoding": "gzip, gzip"}),
    # --- depth and numbers ---
    Bomb("100,000 lists", "nesting_too_deep", lambda: b'{"logs":' + b"[" * 100_000),
    Bomb("100,000 lists, closed", "nesting_too_deep", lambda: b'{"logs":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    Bomb("100,000 objects", "nesting_too_deep", lambda: with_metadata(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    Bomb("100,000 lists elsewhere", "nesting_too_deep", lambda: b'{"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
    Bomb("1e999999", "number_out_of_range", lambda: with_metadata(b'{"n":1e999999}')),
    Bomb("-1e999999", "number_out_of_range", lambda: with_metadata(b'{"n":-1e999999}')),
    Bomb("1e-999999", None, lambda: with_metadata(b'{"n":1e-999999}')),
    Bomb("100,000 digits", "number_out_of_range", lambda: with_metadata(b'{"n":' + b"9" * 100_000 + b"}")),
    Bomb("100,000 digits behind the point", None, lambda: with_metadata(b'{"n":0.' + b"9" * 100_000 + b"}")),
    Bomb("exponent of 100,000 digits", "number_out_of_range", lambda: with_metadata(b'{"n":1e' + b"9" * 10**5 + b"}")),
    Bomb("NaN", "malformed_json", lambda: with_metadata(b'{"n":NaN}')),
    # --- counts and lengths ---
    Bomb("1,000,000 keys", "field_too_large", lambda: with_metadata(keys(1_000_000, "k{}"))),
    Bomb("1,000,000 times one key", "field_too_large", lambda: with_metadata(keys(1_000_000, "k"))),
    Bomb("key of 1 MB", "field_too_large", lambda: with_metadata(b'{"' + b"k" * 10**6 + b'":1}')),
    Bomb("message of 20 MB", "field_too_large", lambda: batch("m" * 20_000_000)),
    Bomb("message without an end", "malformed_json", lambda: batch("m" * 20_000_000)[:-5]),
    Bomb("1,001 entries", "too_many_entries", lambda: logs(ENTRY, count=1_001)),
    Bomb("1,000,000 empty entries", "too_many_entries", lambda: logs(b"{}", count=1_000_000)),
    Bomb("1,000 entries of errors", "invalid_level", lambda: logs(b'{"level":1,"message":2,"error":3}', count=1_000)),
    Bomb("20 MB of blanks", None, lambda: b" " * 20_000_000 + batch("m")),
    Bomb("metadata of 102,400 bytes", None, lambda: with_metadata(b'{"k":"' + b"x" * 102_392 + b'"}')),
    Bomb("metadata of 102,401 bytes", "field_too_large", lambda: with_metadata(b'{"k":"' + b"x" * 102_393 + b'"}')),
    Bomb("message of 10,240 bytes", None, lambda: batch("é" * 5_120)),
    Bomb("message of 10,241 bytes", "field_too_large", lambda: batch("é" * 5_120 + "x")),
    Bomb("timestamp of 1 MB", "invalid_timestamp", lambda: logs(ENTRY.replace(b"00Z", b"00." + b"0" * 10**6 + b"x"))),
    # --- encodings ---
    Bomb("byte order mark", None, lambda: b"\xef\xbb\xbf" + batch("m")),
    Bomb("two byte order marks", "malformed_json", lambda: b"\xef\xbb\xbf" * 2 + batch("m")),
    Bomb("UTF-16", "invalid_encoding", lambda: batch("é").decode().encode("utf-16")),
    Bomb("invalid UTF-8", "invalid_encoding", lambda: logs(ENTRY.replace(b'"m"', b'"\xff"'))),
    Bomb("overlong UTF-8", "invalid_encoding", lambda: logs(ENTRY.replace(b'"m"', b'"\xc0\x80"'))),
    Bomb("surrogates in UTF-8", "invalid_encoding", lambda: logs(ENTRY.replace(b'"m"', b'"\xed\xa0\x80"'))),
    Bomb("lone surrogates", None, lambda: logs(ENTRY.replace(b'"m"', rb'"\ud800\udc00\udc00\ud83d"'))),
    Bomb("NULs in keys and values", None, lambda: with_metadata(rb'{"\u0000":"\u0000","a\u0000":{"\u0000":[]}}')),
    Bomb("1,000,000 surrogates", "field_too_large", lambda: logs(ENTRY.replace(b"m\"}", rb"\ud800" * 10**6 + b'"}'))),
    Bomb("raw NUL", "malformed_json", lambda: logs(ENTRY.replace(b'"m"', b'"\0"'))),
]  # fmt: skip


@lru_cache
def body_of(bomb: Bomb) -> bytes:
    """Build it once for both ways in."""
    return bomb.build()
