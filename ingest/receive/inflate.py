"""Content codings of a request body, undone piece by piece: how much comes out is up to the reader."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator

from foundation.refusals import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 256 * 2**10
ZSTD_MAX_WINDOW_LOG = 23  # 8 MiB, as RFC 9659 asks for on the web
GZIP_WBITS = 16 + zlib.MAX_WBITS

Inflate = Callable[[Iterable[bytes]], Iterator[bytes]]


def inflate_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what one gzip member holds, in pieces. Raises: Refusal `bad_compression`."""
    decompressor = zlib.decompressobj(GZIP_WBITS)
    try:
        for chunk in chunks:
            pending = chunk
            while pending and not decompressor.eof:
                yield decompressor.decompress(pending, PIECE_BYTES)
                pending = decompressor.unconsumed_tail
            if decompressor.unused_data or (decompressor.eof and pending):
                raise Refusal("bad_compression")
    except zlib.error as error:
        raise Refusal("bad_compression") from error
    if not decompressor.eof:
        raise Refusal("bad_compression")


def inflate_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what one Zstandard frame holds, in pieces. Raises: Refusal `bad_compression`."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_MAX_WINDOW_LOG}
    decompressor = zstd.ZstdDecompressor(options=options)
    try:
        for chunk in chunks:
            if decompressor.eof:
                raise Refusal("bad_compression")
            yield decompressor.decompress(chunk, PIECE_BYTES)
            while not (decompressor.eof or decompressor.needs_input):
                yield decompressor.decompress(b"", PIECE_BYTES)
            if decompressor.unused_data:
                raise Refusal("bad_compression")
    except zstd.ZstdError as error:
        raise Refusal("bad_compression") from error
    if not decompressor.eof:
        raise Refusal("bad_compression")


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks as they are."""
    yield from chunks


INFLATERS: dict[str, Inflate] = {"": plain, "identity": plain, "gzip": inflate_gzip, "zstd": inflate_zstd}
