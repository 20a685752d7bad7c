"""Looking after processes: a signal may come at any moment, and raise."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType

import pytest

from embedded.processes import has_ended, kill_group, start

Process = subprocess.Popen[bytes]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


class Raised(Exception):
    """What a signal's handler raises."""


@pytest.fixture
def process() -> Iterator[Process]:
    started = start(SLEEPER, output=subprocess.DEVNULL, last_signal=signal.SIGKILL)
    yield started
    if not started._waitpid_lock.locked():  # type: ignore[attr-defined]
        kill_group(started)


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Keep the collector of garbage from calling back meanwhile."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def leaves_its_lock(look: Callable[[Process], object], process: Process) -> bool:
    """Interrupt a look after each call within it, as Python does for a signal; tell whether the lock stays taken."""
    for last in count():
        calls = count()

        def raise_after_the_last(_frame: FrameType, event: str, _argument: object) -> None:
            if event in {"return", "c_return"} and next(calls) == last:  # noqa: B023 - called within this turn
                sys.setprofile(None)
                raise Raised

        with nothing_collected():
            sys.setprofile(raise_after_the_last)
            try:
                look(process)
            except Raised:
                if process._waitpid_lock.locked():  # type: ignore[attr-defined]
                    return True
            else:
                return False
            finally:
                sys.setprofile(None)
    raise AssertionError


def test_signal_within_a_look_leaves_no_lock_that_who_stops_it_would_wait_for(process: Process) -> None:
    assert not leaves_its_lock(has_ended, process)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not leaves_its_lock(has_ended, process)
    assert has_ended(process)
    assert process.returncode in {-signal.SIGKILL, 0}  # 0: it was interrupted after it had taken note


def test_signal_within_a_look_of_pythons_own_does() -> None:
    """Else the test above would prove nothing."""
    other = subprocess.Popen(SLEEPER)
    try:
        assert leaves_its_lock(subprocess.Popen.poll, other)
    finally:
        other._waitpid_lock.release()  # type: ignore[attr-defined]
        other.kill()
        other.wait()
