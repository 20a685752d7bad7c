"""Background work: asked for, gathered, tried again, and done once more when the process ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from foundation.threads import Background

SECONDS = 20  # nobody waits so long unless something is wrong


class Work:
    """Counts how often it was done, and fails so many times first."""

    def __init__(self, *, failures: int = 0) -> None:
        self.done, self.failures = 0, failures
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.done += 1
            self._changed.notify_all()
            if self.done <= self.failures:
                raise RuntimeError("not yet")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, SECONDS)


def test_work_is_done_when_it_is_asked_for() -> None:
    work = Work()
    background = Background("test", work)
    for times in (1, 2, 3):
        background.wake()
        work.wait_until(lambda times=times: work.done == times)  # type: ignore[misc]
    background.stop()


def test_what_is_asked_for_meanwhile_is_gathered() -> None:
    work = Work()
    background = Background("test", work, gather=0.2)
    for _ in range(1000):
        background.wake()
    work.wait_until(lambda: work.done == 1)
    background.stop()
    assert work.done <= 2  # the second one if the thousand took longer than the gathering


def test_thread_rests_after_its_work_however_often_it_is_asked() -> None:
    rested, restless = Work(), Work()
    threads = Background("test", rested, rest=3600), Background("test", restless)
    for times in range(1, 51):
        for thread in threads:
            thread.wake()
        restless.wait_until(lambda times=times: restless.done >= times)  # type: ignore[misc]
        rested.wait_until(lambda: rested.done == 1)
    for thread in threads:
        thread.stop()
    assert rested.done == 2  # what was asked for is done before the end, and the end does not wait for the rest


def test_work_that_is_asked_for_while_it_is_done_is_done_before_the_end() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), [0]

    def work() -> None:
        begun.set()
        assert may_end.wait(SECONDS)
        done[0] += 1

    background = Background("test", work)
    background.wake()
    assert begun.wait(SECONDS)
    background.wake()
    stopping = threading.Thread(target=background.stop)
    stopping.start()
    assert background._is_ending.wait(SECONDS)
    may_end.set()
    stopping.join()
    assert background._thread
    background._thread.join(SECONDS)
    assert done == [2]


def test_work_that_fails_is_tried_again_without_being_asked() -> None:
    work = Work(failures=2)
    background = Background("test", work, retry=0.01)
    background.wake()
    work.wait_until(lambda: work.done == 3)
    background.stop()
    assert work.done == 3


def test_regular_work_needs_no_asking() -> None:
    work = Work()
    background = Background("test", work, every=0.01)
    background.start()
    work.wait_until(lambda: work.done >= 3)
    background.stop()


def test_stopped_background_starts_no_thread() -> None:
    work = Work()
    background = Background("test", work)
    background.stop()
    background.wake()
    assert background._thread is None


@pytest.mark.parametrize(
    ("process", "ends_by"),
    [("main", "pass"), ("main", "sys.exit(3)"), ("child", "pass")],
)
def test_a_process_that_ends_does_what_was_asked_for(process: str, ends_by: str) -> None:
    program = f"""
import multiprocessing, os, sys
from foundation import threads
from foundation.threads import Background
threads.LAST_WORK_SECONDS = {SECONDS}
background = Background("test", lambda: os.write(1, b"done"), gather=60)
def ask():
    background.wake()
    {ends_by}
if {process!r} == "main":
    ask()
else:
    child = multiprocessing.get_context("fork").Process(target=ask)
    child.start()
    child.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"done", done.stderr.decode()


def test_forked_child_begins_anew() -> None:
    work = Work()
    background = Background("test", work)
    background.wake()
    work.wait_until(lambda: work.done == 1)
    read_end, write_end = os.pipe()
    if child := os.fork():
        os.close(write_end)
        with os.fdopen(read_end, "rb") as told:
            assert told.read() == b"no thread, then 2"
        os.waitpid(child, 0)
        background.stop()
        return
    try:  # in the child: nothing of pytest's may run here
        began = b"no thread" if background._thread is None else b"a thread"
        background.wake()
        work.wait_until(lambda: work.done == 2)
        os.write(write_end, began + b", then %d" % work.done)
    finally:
        os._exit(0)
