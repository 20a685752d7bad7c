"""Content codings of a request body, undone piece by piece: how much comes out is up to the reader."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from foundation.refusals import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 256 * 2**10
#: Members or frames of a body: an empty one is 20 bytes, and costs much more than it says.
MAX_MEMBERS = 1_000
ZSTD_MAX_WINDOW_LOG = 23  # 8 MiB, as RFC 9659 asks for on the web
GZIP_WBITS = 16 + zlib.MAX_WBITS

Inflate = Callable[[Iterable[bytes]], Iterator[bytes]]


def inflate_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzip members in a row hold, in pieces (RFC 1952, 2.2). Raises: Refusal `bad_compression`."""
    members = _Members(lambda: zlib.decompressobj(GZIP_WBITS))
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                decompressor = members.current()
                yield decompressor.decompress(pending, PIECE_BYTES)
                pending = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
    except zlib.error as error:
        raise Refusal("bad_compression") from error
    members.require_end()


def inflate_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what Zstandard frames in a row hold, in pieces (RFC 8878, 3). Raises: Refusal `bad_compression`."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_MAX_WINDOW_LOG}
    members = _Members(lambda: zstd.ZstdDecompressor(options=options))
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                decompressor = members.current()
                yield decompressor.decompress(pending, PIECE_BYTES)
                while not (decompressor.eof or decompressor.needs_input):
                    yield decompressor.decompress(b"", PIECE_BYTES)
                pending = decompressor.unused_data if decompressor.eof else b""
    except zstd.ZstdError as error:
        raise Refusal("bad_compression") from error
    members.require_end()


class _Members:
    """The decompressors of a body, one a member; the body must end with one."""

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start
        self._begun = 0
        self._current: Any = None

    def current(self) -> Any:
        """Return the decompressor that goes on. Raises: Refusal when there are too many members."""
        if self._current is None or self._current.eof:
            self._begun += 1
            if self._begun > MAX_MEMBERS:
                raise Refusal("bad_compression")
            self._current = self._start()
        return self._current

    def require_end(self) -> None:
        """Raise: Refusal when the last member is not complete, or there is none."""
        if self._current is None or not self._current.eof:
            raise Refusal("bad_compression")


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks as they are."""
    yield from chunks


INFLATERS: dict[str, Inflate] = {"": plain, "gzip": inflate_gzip, "zstd": inflate_zstd}
