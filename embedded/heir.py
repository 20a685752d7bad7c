"""Ends what a killed runner leaves behind, in a process of its own that waits for the runner's end.

Each part is sent a signal when the runner dies, but one that is halted (a debugger, SIGSTOP, a frozen terminal) does
not take it; nor does a part's child whose parent is halted. Whatever is left after a moment is killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

GRACE_SECONDS = 2.5
PAUSE_SECONDS = 0.05


class Heir:
    """The runner's end of the pipe: says which process groups there are."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - ours

    def note(self, group: int) -> None:
        """Have `group` ended when this process is gone."""
        self._say(f"+{group}")

    def forget(self, group: int) -> None:
        """`group` has ended."""
        self._say(f"-{group}")

    def close(self) -> None:
        """Let the heir end: it looks after nothing any more, or after what this process leaves."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin
        with contextlib.suppress(OSError):  # without an heir, all is as if there had never been one
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()


@dataclass(frozen=True)
class Process:
    """A process as proc(5) tells of it; the time of its start tells it from a later one with the same number.

    Whose child it is changes when the parent ends.
    """

    pid: int
    started: int
    parent: int = field(compare=False)
    group: int = field(compare=False)


def processes() -> dict[int, Process]:
    """Return all processes that live, zombies left out."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, *fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if state not in "ZX":
                    found[int(entry.name)] = Process(
                        pid=int(entry.name), started=int(fields[18]), parent=int(fields[0]), group=int(fields[1])
                    )
    return found


def members(groups: Iterable[int]) -> set[Process]:
    """Return what lives of `groups`, with the children of their children: PostgreSQL's have groups of their own."""
    living = processes()
    found = {one for one in living.values() if one.group in groups}
    while more := {one for one in living.values() if living.get(one.parent) in found} - found:
        found |= more
    return found


def end(left: set[Process]) -> None:
    """Wake what is halted, so that it takes the signal that it was sent; kill what is there after `GRACE_SECONDS`."""
    _send(left, signal.SIGCONT)
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := left & set(processes().values())) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    _send(left, signal.SIGKILL)


def _send(to: set[Process], number: signal.Signals) -> None:
    for one in to & set(processes().values()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one.pid, number)


def main() -> None:
    """Learn of groups until the runner has closed its end, in whatever way it ended."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    if groups:
        end(members(groups))


if __name__ == "__main__":
    main()
