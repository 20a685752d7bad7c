"""Files of counts: what the dead counted stays, what nobody can read is passed over, and a full disk stops nobody."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from foundation.metric_files import FILE_BYTES, collect

#: Counts one of everything, says so, and waits to be killed.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from foundation.metric_files import count_in_files
print(count_in_files(Path(sys.argv[1]), process=sys.argv[2]), flush=True)
from prometheus_client import Counter, Gauge, Histogram
counter = Counter("luminalog_test_things", "Things.", ["kind"])
if "fork" in sys.argv:
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        counter.labels("child").inc()
        os._exit(0)
counter.labels("a").inc(2)
Gauge("luminalog_test_streams", "Streams.", multiprocess_mode="livesum").set(5)
Histogram("luminalog_test_seconds", "Seconds.", buckets=(1, 2)).observe(1.5)
print("counted", flush=True)
signal.pause()
"""


@contextmanager
def counting(folder: Path, process: str = "web", *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the program until the end of the block, and kill it."""
    command = [sys.executable, "-c", PROGRAM, str(folder), process, *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    child.says = child.stdout.readline().strip()  # type: ignore[attr-defined]
    assert child.stdout.readline() == "counted\n"
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


def read(folder: Path) -> dict[str, float]:
    """Return every sample by kind of process, name and labels, with the number of the living."""
    found: dict[str, float] = {}
    for counted in collect(folder):
        found[f"{counted.process} living"] = counted.living
        for metric in counted.metrics:
            for sample in metric.samples:
                found[" ".join([counted.process, sample.name, *sample.labels.values()])] = sample.value
    return found


def test_living_processes_add_up(tmp_path: Path) -> None:
    with counting(tmp_path), counting(tmp_path), counting(tmp_path, "worker"):
        found = read(tmp_path)
    assert (found["web living"], found["worker living"]) == (2, 1)
    assert found["web luminalog_test_things_total a"] == 4
    assert found["worker luminalog_test_things_total a"] == 2
    assert found["web luminalog_test_streams"] == 10
    assert found["web luminalog_test_seconds_bucket 2.0"] == 2


def test_sums_of_the_killed_stay_and_their_gauges_go(tmp_path: Path) -> None:
    for _ in range(3):
        with counting(tmp_path):
            pass
    for _ in range(2):
        found = read(tmp_path)
        assert found["web living"] == 0
        assert found["web luminalog_test_things_total a"] == 6
        assert found["web luminalog_test_seconds_bucket 1.0"] == 0
        assert found["web luminalog_test_seconds_bucket 2.0"] == found["web luminalog_test_seconds_count"] == 3
        assert found["web luminalog_test_seconds_sum"] == 4.5
        assert "web luminalog_test_streams" not in found
    assert len(list((tmp_path / "web").glob("*.db"))) == 2  # however many died


def test_process_that_dies_again_and_again_leaves_no_more_files(tmp_path: Path) -> None:
    for _ in range(4):
        with counting(tmp_path):
            pass
    assert len(list((tmp_path / "web").glob("*.db"))) == 6  # of the last, and what all before have counted
    assert read(tmp_path)["web luminalog_test_things_total a"] == 8


def test_forked_child_counts_by_itself(tmp_path: Path) -> None:
    with counting(tmp_path, "worker", "fork"):
        found = read(tmp_path)
        assert found["worker luminalog_test_things_total a"] == 2
        assert found["worker luminalog_test_things_total child"] == 1
        assert found["worker living"] == 1


def test_file_in_pieces_is_passed_over(tmp_path: Path) -> None:
    with counting(tmp_path):
        for name, content in {
            "counter_1-a.db": b"\xff" * 500,
            "histogram_folded.db": b"",
            "counter_2-b.db": b"\x40\0",
        }.items():
            (tmp_path / "web" / name).write_bytes(content)
        (tmp_path / "web" / "alive_1-a").touch()
        assert read(tmp_path)["web luminalog_test_things_total a"] == 2
        assert not (tmp_path / "web" / "counter_1-a.db").exists()


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of ours or of our children grow large."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does; children inherit it
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES // 2, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_process_counts_in_memory_when_the_disk_is_full(tmp_path: Path) -> None:
    with full_disk(), counting(tmp_path) as child:
        assert child.says == "False"  # type: ignore[attr-defined]


def test_dead_are_read_on_a_full_disk_and_folded_when_there_is_room(tmp_path: Path) -> None:
    with counting(tmp_path):
        pass
    with full_disk():
        assert read(tmp_path)["web luminalog_test_things_total a"] == 2
        assert list((tmp_path / "web").glob("alive_*"))
    assert read(tmp_path)["web luminalog_test_things_total a"] == 2
    assert not list((tmp_path / "web").glob("alive_*"))


def test_process_counts_in_memory_when_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with counting(tmp_path / "file") as child:
        assert child.says == "False"  # type: ignore[attr-defined]


@pytest.mark.parametrize("process", ["migrate", "luminalog", ""])
def test_commands_leave_no_files(tmp_path: Path, process: str) -> None:
    with counting(tmp_path, process) as child:
        assert child.says == "False"  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
