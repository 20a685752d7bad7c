"""Messages out of a stream: each after its octets, or before a line end or NUL (RFC 6587). Pure."""

import re

#: What is longer is cut: the rest of it is let go.
MOST_BYTES = 2**16
_COUNTED = re.compile(rb"([1-9]\d{0,5}) (?=<)")
#: What may still become the count of a message.
_BEGUN = re.compile(rb"[1-9]\d{0,5} ?\Z")
_END = re.compile(rb"[\n\0]")
_BETWEEN = re.compile(rb"[\r\n\0]*")


class Framing:
    """The messages of one connection; each may choose its way anew."""

    def __init__(self) -> None:
        self.cut = 0  # how many messages were
        self._buffer = bytearray()
        self._looked = 0  # so many bytes of it are known to hold no end
        self._skip = 0  # so many octets more belong to a message that was cut
        self._skips_line = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with `data`."""
        buffer, found, at = self._buffer, [], 0
        buffer += data
        while True:
            at = self._after_skipped(at)
            head = _COUNTED.match(buffer, at)
            if head is None and (_BEGUN.match(buffer, at) or at == len(buffer)):
                break
            message, end = self._counted(head) if head else self._ended(at)
            if message is None:
                break
            at = end
            found.append(message)
        if at:
            del buffer[:at]
            self._looked = max(0, self._looked - at)
        return found

    def end(self) -> list[bytes]:
        """Return what is left where the stream ends: one message, or none."""
        rest = bytes(self._buffer).strip(b"\r\n\0")
        self._buffer.clear()
        if head := _COUNTED.match(rest):
            rest = rest[head.end() :]
        return [rest] if rest else []

    def _after_skipped(self, at: int) -> int:
        """Return where the next message begins."""
        buffer = self._buffer
        if self._skip:
            skipped = min(self._skip, len(buffer) - at)
            self._skip -= skipped
            at += skipped
        if self._skips_line:
            end = _END.search(buffer, at)
            self._skips_line = end is None
            at = end.end() if end else len(buffer)
        between = _BETWEEN.match(buffer, at)
        return between.end() if between else at

    def _counted(self, head: re.Match[bytes]) -> tuple[bytes | None, int]:
        start, octets = head.end(), int(head[1])
        end = start + min(octets, MOST_BYTES)
        if len(self._buffer) < end:
            return None, start
        if octets > MOST_BYTES:
            self.cut += 1
            self._skip = octets - MOST_BYTES
        return bytes(self._buffer[start:end]).rstrip(b"\r\n\0"), end

    def _ended(self, at: int) -> tuple[bytes | None, int]:
        end = _END.search(self._buffer, max(at, self._looked), at + MOST_BYTES + 1)
        if end:
            return bytes(self._buffer[at : end.start()]).rstrip(b"\r"), end.end()
        if len(self._buffer) - at <= MOST_BYTES:
            self._looked = len(self._buffer)
            return None, at
        self.cut += 1
        self._skips_line = True
        return bytes(self._buffer[at : at + MOST_BYTES]), at + MOST_BYTES
