"""The log of the whole product: every line of every part, with the part's name before it, or in it as JSON."""

import json
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO

from foundation.redaction import redact

WIDTH = 9


class Output:
    """Merges the parts' output, line by line, into our own; `left_out` is, by part, what marks a line not to print."""

    def __init__(self, *, as_json: bool = False, left_out: Mapping[str, str] | None = None) -> None:
        self.as_json = as_json
        self._left_out = left_out or {}
        self._lock = threading.Lock()
        self._writers: dict[str, IO[bytes]] = {}
        self._readers: list[threading.Thread] = []

    def writer(self, name: str) -> IO[bytes]:
        """Return the file that the part `name` writes to."""
        if name not in self._writers:
            read_end, write_end = os.pipe()
            self._writers[name] = os.fdopen(write_end, "wb", buffering=0)
            reader = threading.Thread(target=self._copy, args=(name, read_end), daemon=True)
            reader.start()
            self._readers.append(reader)
        return self._writers[name]

    def say(self, name: str, text: str) -> None:
        """Print the lines of `text` as the part `name`."""
        for line in text.splitlines():
            self._print(self._line(name, line))

    def show(self, text: str) -> None:
        """Print `text` as it is."""
        self._print(text.encode())

    def close(self) -> None:
        """Wait a moment for the last lines."""
        for writer in self._writers.values():
            writer.close()
        for reader in self._readers:
            reader.join(timeout=0.2)

    def _copy(self, name: str, read_end: int) -> None:
        left_out = self._left_out.get(name)
        with os.fdopen(read_end, "rb") as lines:
            for line in lines:
                text = line.rstrip(b"\n").decode(errors="backslashreplace")
                if left_out is None or left_out not in text:
                    self._print(self._line(name, text))

    def _line(self, name: str, text: str) -> bytes:
        if not self.as_json:
            return f"{name:<{WIDTH}}| {text}\n".encode()
        event = _json_object(text) or {"timestamp": datetime.now(UTC).isoformat(), "event": redact(text)}
        return f"{json.dumps({'process': name} | event)}\n".encode()

    def _print(self, line: bytes) -> None:
        with self._lock:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError:
                pass  # nobody reads any more: the parts must not stall for that


def _json_object(text: str) -> dict[str, object] | None:
    """Return what our own processes have written as JSON already; servers and libraries write as they like."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
