"""How a batch's entries are packed in the spool: NDJSON of canonical entries, as one zstd frame with a checksum."""

import sys
import threading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 1
MAX_BYTES = 64 * 2**20
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}


class PayloadError(ValueError):
    """The payload is not what `pack` made."""


_kept = threading.local()


def pack(ndjson: bytes) -> bytes:
    """Compress the lines of a batch. Each thread keeps its compressor: to make one takes longer than a small batch."""
    compressor = getattr(_kept, "compressor", None)
    if compressor is None:
        compressor = _kept.compressor = zstd.ZstdCompressor(options=_OPTIONS)
    packed: bytes = compressor.compress(ndjson, mode=zstd.ZstdCompressor.FLUSH_FRAME)
    return packed


def unpack(payload: bytes) -> list[bytes]:
    """Return the lines of a batch. Raises: `PayloadError` when the frame is damaged or too large."""
    try:
        decompressor = zstd.ZstdDecompressor()
        ndjson = decompressor.decompress(payload, MAX_BYTES)
    except zstd.ZstdError as error:
        raise PayloadError("damaged frame") from error
    if not decompressor.eof or decompressor.unused_data:
        raise PayloadError("truncated, too large or followed by other bytes")
    return ndjson.split(b"\n")
