"""Lines as they come, in batches: full ones at once, the rest a second after its first line."""

import os
import select
import time
from collections.abc import Iterator
from threading import Event

MAX_LINES, MAX_BYTES = 1_000, 2**20
LINGER_SECONDS, LOOK_SECONDS = 1.0, 0.2
#: What an entry's message may be (`ingest/canonical.py`): a longer line becomes several.
MAX_LINE_BYTES = 10_240
#: A line that does not end is taken apart from here on.
MAX_PENDING_BYTES = 2**20


def batches(descriptor: int, *, stopped: Event) -> Iterator[list[bytes]]:
    """Yield lines without their ends, empty ones left out, until `descriptor` ends or `stopped` is set."""
    held: list[bytes] = []
    held_bytes, first_at = 0, 0.0
    for lines in _lines(descriptor, stopped):
        for line in lines:
            first_at = first_at if held else time.monotonic()
            held.append(line)
            held_bytes += len(line)
            if len(held) == MAX_LINES or held_bytes >= MAX_BYTES:
                yield held
                held, held_bytes = [], 0
        if held and time.monotonic() - first_at >= LINGER_SECONDS:
            yield held
            held, held_bytes = [], 0
    if held:
        yield held


def pieces(line: bytes) -> Iterator[str]:
    """Yield `line` as texts of at most `MAX_LINE_BYTES` in UTF-8; what is no text is marked as such."""
    text = line.decode(errors="replace").encode()
    start = 0
    while start < len(text):
        end = start + MAX_LINE_BYTES
        while end < len(text) and text[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        yield text[start:end].decode()
        start = end


def _lines(descriptor: int, stopped: Event) -> Iterator[list[bytes]]:
    """Yield the lines that have come, and nothing from time to time; at the end what no newline ended."""
    pending = b""
    while not stopped.is_set():
        if not select.select([descriptor], [], [], LOOK_SECONDS)[0]:
            yield []
            continue
        read = os.read(descriptor, 2**16)
        if not read:
            break
        *whole, pending = (pending + read).split(b"\n")
        if len(pending) > MAX_PENDING_BYTES:
            whole, pending = [*whole, pending], b""
        yield clean(whole)
    yield clean([pending])


def clean(lines: list[bytes]) -> list[bytes]:
    """Return lines without a carriage return at their end, empty ones left out."""
    return [line for line in (one.removesuffix(b"\r") for one in lines) if line.strip()]
