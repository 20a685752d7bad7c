"""What runs until it is stopped, stops: in a process of its own, however that was started."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from foundation.stopping import SIGNALS, run_until_stopped
from tests.processes import IN_BACKGROUND, Process
from tests.waiting import DEADLINE_SECONDS

PATIENT = """
import time
from foundation.stopping import run_until_stopped
def work():
    try:
        print("waits", flush=True)
        time.sleep(600)
    finally:
        {in_the_end}
run_until_stopped(work)
print("leaves", flush=True)
"""
#: The signal comes as soon as there is a handler, and before there is one for the other.
HASTY = """
import os, signal, time
from foundation.stopping import run_until_stopped
print("waits", flush=True)
install = signal.signal
def told_at_once(number, handler):
    before = install(number, handler)
    if number == signal.SIGINT and callable(handler) and handler is not signal.default_int_handler:
        os.kill(os.getpid(), signal.SIGINT)
    return before
signal.signal = told_at_once
run_until_stopped(lambda: time.sleep(600))
print("leaves", flush=True)
"""


@contextmanager
def in_background(code: str) -> Iterator[Process]:
    """Run Python code where SIGINT is ignored."""
    with subprocess.Popen([*IN_BACKGROUND, sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert said_by(process) == b"waits\n"
            yield process
        finally:
            process.kill()


def said_by(process: Process) -> bytes:
    assert process.stdout
    return bytes(process.stdout.readline())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_block_and_not_what_comes_after_it(number: signal.Signals) -> None:
    with in_background(PATIENT.format(in_the_end="pass")) as process:
        process.send_signal(number)
        assert said_by(process) == b"leaves\n"
        assert process.wait(DEADLINE_SECONDS) == 0


def test_a_signal_in_the_midst_of_preparing_ends_it_as_well() -> None:
    with in_background(HASTY) as process:
        assert said_by(process) == b"leaves\n"
        assert process.wait(DEADLINE_SECONDS) == 0


def test_what_is_said_of_the_interruption_is_no_failure() -> None:
    with in_background(PATIENT.format(in_the_end="raise ValueError('in a transaction')")) as process:
        process.send_signal(signal.SIGTERM)
        assert b"leaves\n" in process.communicate()[0]
        assert process.wait(DEADLINE_SECONDS) == 0


def test_failures_are_failures() -> None:
    with pytest.raises(ZeroDivisionError):
        run_until_stopped(lambda: 1 // 0)


def test_a_second_signal_ends_what_does_not_come_to_its_end() -> None:
    with in_background(PATIENT.format(in_the_end="print('hangs', flush=True); time.sleep(600)")) as process:
        process.send_signal(signal.SIGTERM)
        assert said_by(process) == b"hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == -signal.SIGINT


def test_handlers_from_before_are_back_after_the_block() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    meanwhile: list[object] = []
    run_until_stopped(lambda: meanwhile.extend(signal.getsignal(number) for number in SIGNALS))
    assert meanwhile != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
