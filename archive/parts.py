"""Parts of an archive: lines compressed as they come, and taken apart again only if they are what was written."""

from hashlib import sha256

import zstandard

from archive.errors import CorruptError
from archive.lines import line_for
from archive.manifest import digest
from storage.archived import Part
from storage.found import FoundEntry

#: A part is closed once it holds so much; its last group of batches may bring 8 MiB more.
PART_BYTES, PART_ENTRIES = 32 * 2**20, 100_000
#: Whole lines of so much, with what an archive adds to each.
MOST_TEXT_BYTES = 128 * 2**20
LEVEL = 6
SUFFIX = ".ndjson.zst"


class Draft:
    """A part that is being made, compressed in memory."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._pieces: list[bytes] = []
        self._text = sha256()
        self._text_bytes = 0
        self.entries = 0
        self.size_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it is to be closed."""
        return self.size_bytes >= PART_BYTES or self.entries >= PART_ENTRIES

    def add(self, entry: FoundEntry) -> None:
        """Add an entry."""
        line = line_for(entry)
        self._pieces.append(self._compressor.compress(line))
        self._text.update(line)
        self._text_bytes += len(line)
        self.entries += 1
        self.size_bytes += entry.size_bytes

    def close(self, name: str) -> tuple[Part, bytes]:
        """Return what is in it, and its object."""
        content = b"".join([*self._pieces, self._compressor.flush()])
        return Part(
            name=name,
            entries=self.entries,
            size_bytes=self.size_bytes,
            text_bytes=self._text_bytes,
            text_sha256=self._text.hexdigest(),
            object_bytes=len(content),
            object_sha256=digest(content),
        ), content


def lines_in(part: Part, content: bytes) -> list[bytes]:
    """Return the lines of a part's object. Raises: `CorruptError` when it is not what was written."""
    if (len(content), digest(content)) != (part.object_bytes, part.object_sha256):
        raise CorruptError(f"{part.name} is not what was written: its digest is another.")
    if part.text_bytes > MOST_TEXT_BYTES:
        raise CorruptError(f"{part.name} is larger than any part.")
    try:
        text = zstandard.ZstdDecompressor().decompress(content, max_output_size=part.text_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptError(f"{part.name} cannot be unpacked.") from error
    lines = text.split(b"\n")[:-1]
    if (digest(text), len(lines)) != (part.text_sha256, part.entries):
        raise CorruptError(f"{part.name} does not hold what was written.")
    return lines
