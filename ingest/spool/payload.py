"""How a batch's entries are packed in the spool: NDJSON of canonical entries, as one zstd frame with a checksum."""

import threading

import zstandard

LEVEL = 1
MAX_BYTES = 64 * 2**20


class PayloadError(ValueError):
    """The payload is not what `pack` made."""


class _Kept(threading.local):
    """A thread's compressor and decompressor: to make one takes longer than to use it for a small batch."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_kept = _Kept()


def pack(ndjson: bytes) -> bytes:
    """Compress the lines of a batch."""
    return _kept.compressor.compress(ndjson)


def unpack(payload: bytes) -> list[bytes]:
    """Return the lines of a batch. Raises: `PayloadError` when the frame is damaged or too large."""
    try:
        if zstandard.frame_content_size(payload) > MAX_BYTES:
            raise PayloadError("too large")
        ndjson = _kept.decompressor.decompress(payload, max_output_size=MAX_BYTES, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise PayloadError("damaged frame, or followed by other bytes") from error
    return ndjson.split(b"\n")
