"""Nothing outlives a killed runner: not even what is halted, and what has a group of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from embedded import heir
from tests.processes import PROJECT
from tests.waiting import wait_until

#: Stands for the runner: notes a part, which may have a child in a session of its own, and waits to be killed.
RUNNER = """
import subprocess, sys, time
from embedded.heir import Heir
part = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE, text=True)
Heir().note(part.pid)
print(part.pid, part.stdout.readline().strip(), flush=True)
time.sleep(3600)
"""
PART = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=%s)
print(child.pid, flush=True)
time.sleep(3600)
"""


def lives(pid: int) -> bool:
    return pid in heir.processes()


@pytest.fixture
def started() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in filter(lives, pids):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("own_session", [True, False])
def test_halted_part_and_its_child_end_with_the_runner(
    own_session: bool, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", RUNNER, PART % own_session]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        pids = [int(pid) for pid in runner.stdout.readline().split()]
        started += pids
        assert all(map(lives, pids))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        runner.kill()
    wait_until(lambda: not any(map(lives, pids)), what="the end of what was halted")


def test_what_ended_before_is_nobody_s_business(started: list[int]) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    started.append(stranger.pid)
    mine = heir.Heir()
    mine.note(stranger.pid)
    mine.forget(stranger.pid)
    mine.close()
    assert lives(stranger.pid)
    stranger.kill()
    stranger.wait()


def test_process_is_told_by_its_start(started: list[int]) -> None:
    me = heir.processes()[os.getpid()]
    assert (me.parent, me.group) == (os.getppid(), os.getpgrp())
    heir.end({replace(me, started=me.started + 1)})  # an earlier one with my number
    assert replace(me, parent=1) == me  # whoever looks after it
    assert Path(f"/proc/{os.getpid()}").exists()
