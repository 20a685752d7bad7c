"""The log of the whole product: every line of every part, with the part's name before it."""

import os
import sys
import threading
from typing import IO

WIDTH = 9


class Output:
    """Merges the parts' output, line by line, into our own."""

    def __init__(self) -> None:
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
            self._print(f"{name:<{WIDTH}}| {line}\n".encode())

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
        prefix = f"{name:<{WIDTH}}| ".encode()
        with os.fdopen(read_end, "rb") as lines:
            for line in lines:
                self._print(prefix + line.rstrip(b"\n") + b"\n")

    def _print(self, line: bytes) -> None:
        with self._lock:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError:
                pass  # nobody reads any more: the parts must not stall for that
