"""A command that cannot go on says why in one line, and ends with a status; whatever the terminal is."""

import os
import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DataError, OperationalError
from redis import RedisError

from foundation import command_line
from foundation.arguments import within
from foundation.refusals import Refusal
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

Raises = Callable[[Sequence[str]], int]


def raising(error: BaseException) -> Raises:
    def main(_arguments: Sequence[str]) -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OperationalError("no route"), 3, "luminalog: PostgreSQL does not answer: no route\n"),
        (DataError("out of range\nLINE 1"), 1, "luminalog: DataError: out of range LINE 1\n"),
        (RedisError("timeout"), 3, "luminalog: Valkey does not answer: timeout\n"),
        (Refusal("overloaded"), 3, "luminalog: The server is busy. Retry with backoff.\n"),
        (CommandError("no such\nkey"), 1, "luminalog: no such key\n"),
        (CommandError("what?", returncode=2), 2, "luminalog: what?\n"),
        (Refusal("query_timeout"), 1, "luminalog: The query took too long. Narrow it or its time range.\n"),
        (ImproperlyConfigured("Set SECRET_KEY"), 1, "luminalog: ImproperlyConfigured: Set SECRET_KEY\n"),
        (FileNotFoundError(2, "No such file", "x"), 1, "luminalog: [Errno 2] No such file: 'x'\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit("no"), 1, "luminalog: no\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_a_command_meets_is_told_in_one_line(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.run(raising(error), ["manage.py", "x"]) == status
    assert capsys.readouterr().err == said


def test_whoever_wants_the_traceback_gets_it() -> None:
    with pytest.raises(DataError):
        command_line.run(raising(DataError()), ["manage.py", "x", "--traceback"])


def test_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        command_line.run(raising(ZeroDivisionError()), ["manage.py", "x"])


@pytest.mark.parametrize("argument", [b"caf\xe9", b"\xff", b"\xed\xa0\x80"])
def test_argument_that_is_no_utf8_is_refused(argument: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    called: list[Sequence[str]] = []
    given = ["manage.py", "logs", os.fsdecode(argument)]
    assert command_line.run(lambda arguments: called.append(arguments) or 0, given) == 2  # type: ignore[func-returns-value]
    assert (called, capsys.readouterr().err) == ([], "luminalog: Argument 2 is not valid UTF-8.\n")


def program(body: str) -> list[str]:
    lines = ["from foundation.command_line import run", f"def main(_):\n {body}\n return 0", "sys.exit(run(main, []))"]
    return [sys.executable, "-c", "import sys\n" + "\n".join(lines)]


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "\\xe9 \\u65e5"), ("latin-1", "é \\u65e5"), ("utf-8", "é 日")]
)
def test_what_the_terminal_lacks_is_escaped(encoding: str, shown: str) -> None:
    done = subprocess.run(
        program("print('é 日'); print('after')"), cwd=PROJECT, env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert (done.returncode, done.stdout.decode(encoding).splitlines()) == (0, [shown, "after"])


@pytest.mark.parametrize(
    "body", ["print('x' * 10)", "sys.stdout.write('x' * 10)", "[print('x' * 100) for _ in range(9999)]"]
)
def test_reader_that_went_away_ends_it_without_a_word(body: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb") as output:
        done = subprocess.run(
            program(body), cwd=PROJECT, stdout=output, stderr=subprocess.PIPE, timeout=DEADLINE_SECONDS
        )
    assert (done.returncode, done.stderr) == (command_line.READER_GONE, b"")


def test_output_that_is_closed_is_no_mistake() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *program("print('x')")], cwd=PROJECT, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 0


def test_full_disk_is_told() -> None:
    with open("/dev/full", "wb") as output:
        done = subprocess.run(
            program("print('x')"), cwd=PROJECT, stdout=output, stderr=subprocess.PIPE, timeout=DEADLINE_SECONDS
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("text", ["0", "101", "x", "", "1e9", "9" * 5_000, "½"])
def test_number_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="from 1 to 100"):
        within(1, 100)(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-0.1", "1e300", "x"])
def test_fraction_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="from 0 to 100"):
        within(0, 100, kind=float)(text)


def test_number_within_its_bounds_is_read() -> None:
    assert (within(1, 100)("100"), within(0, 9, kind=float)("0.5")) == (100, 0.5)
