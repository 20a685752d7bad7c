"""Where our processes count: a folder a kind of process, in it a few files a process, and a lock it holds while alive.

This is prometheus_client's multiprocess mode, with answers to what it leaves open. Who lives? The lock tells, which the
kernel takes back even after `kill -9`. What had the dead counted? It is folded into one file, so that no sum ever
falls. A full disk? Files are allocated whole before they are mapped, or the process counts in its memory alone.
"""

import fcntl
import json
import os
import secrets
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

PROCESSES = ("web", "tail", "mcp", "worker", "beat", "link", "syslog")
#: Sums outlive who counted them; gauges do not.
SUMS = ("counter", "histogram")
GAUGES = ("gauge_livemax", "gauge_livesum")
#: More than all our labels take: a mapped file that grows on a full disk ends its process with SIGBUS.
FILE_BYTES = 2**20
ALIVE = "alive_"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What the processes of one kind have counted, the dead included, and how many live."""

    process: str
    living: int
    metrics: list[Metric]


class _Self:
    """This process as its files are named, and its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = -1
        self.name = ""

    def settle(self) -> None:
        """Take a name and its lock, and allocate the files. Raises: `OSError`."""
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        with _locked(self.folder):
            _fold_the_dead(self.folder)  # nobody may ever scrape, and a process may die again and again
            self.lock = os.open(self.folder / f"{ALIVE}{self.name}", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for kind in (*SUMS, *GAUGES):
                _allocate(self.folder / f"{kind}_{self.name}.db")

    def settle_again(self) -> None:
        """A forked child is a process of its own."""
        os.close(self.lock)
        self.settle()


def count_in_files(root: Path | None, *, process: str) -> bool:
    """Let this process count where a scrape finds it; tell whether it does. Call it before any metric is made."""
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # a parent's
    values.ValueClass = values.MutexValue
    if root is None or process not in PROCESSES:
        return False
    this = _Self(root / process)
    try:
        this.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        this.settle()
    except OSError:
        return False  # nothing is refused for want of a metric; `bin/luminalog doctor` tells
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(this.folder)
    values.ValueClass = values.MultiProcessValue(lambda: this.name)  # type: ignore[no-untyped-call]
    os.register_at_fork(after_in_child=this.settle_again)
    return True


def collect(root: Path) -> Iterator[Counted]:
    """Yield what each kind of process has counted. Raises: `OSError`."""
    for process in PROCESSES:
        folder = root / process
        if folder.is_dir():
            with _locked(folder):
                living = _fold_the_dead(folder)
                files = [str(path) for path in folder.glob("*.db") if _read(path)]
                metrics = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            yield Counted(process=process, living=living, metrics=list(metrics))


def _fold_the_dead(folder: Path) -> int:
    """Add up what dead processes have counted, and forget them; return how many live."""
    living = 0
    for mark in folder.glob(f"{ALIVE}*"):
        if _is_locked(mark):
            living += 1
            continue
        name = mark.name.removeprefix(ALIVE)
        for kind in GAUGES:
            (folder / f"{kind}_{name}.db").unlink(missing_ok=True)
        with suppress(OSError):  # the disk is full: its files are read as they are, until there is room
            for kind in SUMS:
                _fold(folder / f"{kind}_{name}.db", into=folder / f"{kind}_folded.db")
            mark.unlink()
    return living


def _fold(dead: Path, *, into: Path) -> None:
    """Add one file to another. Killed in between, it loses a count: a scraper sees a restart, never too much."""
    totals: defaultdict[str, float] = defaultdict(float)
    for path in (into, dead):
        for key, value in _read(path).items():
            totals[key] += value
    draft = into.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    _allocate(draft)
    file = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
    for key, total in totals.items():
        file.write_value(key, total, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]
    dead.unlink(missing_ok=True)
    draft.replace(into)


def _read(path: Path) -> dict[str, float]:
    """Return the values of a file by their keys; nothing when a crash of the machine has left it in pieces."""
    try:
        found = MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call]
        return {key: value for key, value, _, _ in found if len(json.loads(key)) == 4}
    except (OSError, RuntimeError, ValueError, TypeError, struct.error):
        return {}


def _allocate(path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, FILE_BYTES)
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
