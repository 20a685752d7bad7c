"""Lines of files that grow: read across rotation and truncation, and how far each was read, remembered in a file."""

import json
import os
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO

from django.core.management import CommandError

from command.lines import LINGER_SECONDS, LOOK_SECONDS, MAX_BYTES, MAX_LINES, MAX_PENDING_BYTES, clean

CHUNK_BYTES = 2**16


@dataclass
class Tail:
    """One file. `position` is behind the last line that was taken, of the file that has `inode`."""

    path: Path
    inode: int = 0
    position: int = 0
    _file: IO[bytes] | None = None
    _pending: bytes = b""

    def take(self, at_most: int, *, is_last: bool) -> list[bytes]:
        """Return up to so many lines that have come; with `is_last` also what no newline has ended, at the end."""
        file = self._opened()
        if file is None:
            return []
        while self._pending.count(b"\n") < at_most and len(self._pending) <= MAX_PENDING_BYTES:
            if not (read := file.read(CHUNK_BYTES)):
                return self._lines(at_most, is_whole=is_last or self._is_left(file))
            self._pending += read
        return self._lines(at_most, is_whole=len(self._pending) > MAX_PENDING_BYTES and b"\n" not in self._pending)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
        self._file = None

    def _lines(self, at_most: int, *, is_whole: bool) -> list[bytes]:
        *lines, rest = self._pending.split(b"\n", at_most)
        if is_whole and rest and len(lines) < at_most:
            lines, rest = [*lines, rest], b""
        self.position += len(self._pending) - len(rest)
        self._pending = rest
        return clean(lines)

    def _opened(self) -> IO[bytes] | None:
        """Return the file: another one where that with its name is another, and it was read to its end."""
        if self._file is not None:
            return self._file
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:  # between two
            return None
        found = os.fstat(self._file.fileno())
        if found.st_ino != self.inode or found.st_size < self.position:
            self.inode, self.position = found.st_ino, 0
        self._file.seek(self.position)
        return self._file

    def _is_left(self, file: IO[bytes]) -> bool:
        """Tell whether the file, which was read to its end, is another by now: then that one is next."""
        found = os.fstat(file.fileno())
        if found.st_size < self.position:  # truncated
            self.position, self._pending = 0, b""
            file.seek(0)
            return False
        try:
            is_same = self.path.stat().st_ino == found.st_ino
        except FileNotFoundError:
            is_same = True  # until there is another
        if is_same or file.read(1):  # written to meanwhile, by who has not heard of its new name
            file.seek(self.position + len(self._pending))
            return False
        self.close()
        return True


@dataclass
class Files:
    """Several files, and where is written how far each was sent; None: nowhere."""

    tails: Sequence[Tail]
    state: Path | None = None
    follows: bool = False
    _written: str = field(default="", repr=False)

    def batches(self, *, stopped: Event) -> Generator[list[bytes], None, None]:
        """Yield lines without their ends, empty ones left out, until all is read, or `stopped` is set.

        Who comes back for the next batch has sent the one before: only then it is written how far that was.
        """
        try:
            yield from self._gathered(stopped)
        finally:
            for tail in self.tails:
                tail.close()

    def _gathered(self, stopped: Event) -> Generator[list[bytes], None, None]:
        held: list[bytes] = []
        first_at = 0.0
        while True:
            is_over = not self.follows or stopped.is_set()
            read = self._read(MAX_LINES - len(held), is_last=is_over and not (self.follows and self.state))
            first_at = first_at if held else time.monotonic()
            held += read
            is_full = len(held) >= MAX_LINES or sum(map(len, held)) >= MAX_BYTES
            if held and (is_full or (is_over and not read) or time.monotonic() - first_at >= LINGER_SECONDS):
                yield held
                self._remember()
                held = []
            elif not read and is_over:
                return
            if not read and not is_over:
                stopped.wait(LOOK_SECONDS)
            if stopped.is_set() and self.state and not held:
                return

    def _read(self, at_most: int, *, is_last: bool) -> list[bytes]:
        lines: list[bytes] = []
        for tail in self.tails:
            lines += tail.take(at_most - len(lines), is_last=is_last) if len(lines) < at_most else []
        return lines

    def _remember(self) -> None:
        if self.state is None:
            return
        told = json.dumps({str(tail.path): [tail.inode, tail.position] for tail in self.tails})
        if told != self._written:
            beside = self.state.with_name(f"{self.state.name}.new")
            beside.write_text(told)
            beside.replace(self.state)
            self._written = told


def files(paths: Sequence[Path], *, state: Path | None, follows: bool) -> Files:
    """Return the files, each from where its state says, else from its beginning. Raises: `CommandError`."""
    for path in paths:
        if not path.is_file() and not follows:
            raise CommandError(f"There is no file {path}.")
    known = _known(state)
    tails = [Tail(path.absolute(), *known.get(str(path.absolute()), (0, 0))) for path in paths]
    return Files(tails, state=state, follows=follows)


def _known(state: Path | None) -> dict[str, tuple[int, int]]:
    if state is None or not state.exists():
        return {}
    try:
        return {name: (int(inode), int(position)) for name, (inode, position) in json.loads(state.read_text()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"{state} does not say how far files were sent: remove it to begin anew.") from error
