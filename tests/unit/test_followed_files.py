"""Files that grow are read line by line, once, across rotation and truncation; and again only what was not sent."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from django.core.management import CommandError

from command.files import Tail, files
from command.lines import MAX_LINES


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def taken(tail: Tail, *, is_last: bool = False) -> list[bytes]:
    found: list[bytes] = []
    while lines := tail.take(MAX_LINES, is_last=is_last):
        found += lines
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"a\nb\r\n\nc")
    return path


@pytest.fixture
def tail(log: Path) -> Iterator[Tail]:
    with closing(Tail(log)) as found:
        yield found


def test_lines_are_taken_once_and_whole(log: Path, tail: Tail) -> None:
    assert taken(tail) == [b"a", b"b"]
    append(log, b"ontinued\nd\n")
    assert taken(tail) == [b"continued", b"d"]
    assert (taken(tail), tail.position) == ([], log.stat().st_size)


def test_rotated_file_is_read_to_its_end_and_then_its_successor(log: Path, tail: Tail) -> None:
    assert taken(tail) == [b"a", b"b"]
    old = log.rename(log.with_name("app.log.1"))
    assert taken(tail) == []  # there is no other yet
    append(old, b" is late\n")
    log.write_bytes(b"new\n")
    append(old, b"last")
    assert [*taken(tail), *taken(tail)] == [b"c is late", b"last", b"new"]
    assert tail.inode == log.stat().st_ino


def test_truncated_file_begins_anew(log: Path, tail: Tail) -> None:
    append(log, b"\n")
    assert taken(tail) == [b"a", b"b", b"c"]
    log.write_bytes(b"x\n")
    assert [*taken(tail), *taken(tail)] == [b"x"]


def test_large_file_comes_in_batches_and_none_is_left_out(tmp_path: Path) -> None:
    path, other = tmp_path / "large.log", tmp_path / "other.log"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(2_500)))
    other.write_bytes(b"no newline")
    found = list(files([path, other], state=None, follows=False).batches(stopped=Event()))
    assert max(map(len, found)) <= MAX_LINES
    assert sorted(line for batch in found for line in batch) == sorted(
        [*(b"%d" % number for number in range(2_500)), b"no newline"]
    )


def followed(path: Path, state: Path, stopped: Event) -> Generator[list[bytes], None, None]:
    return files([path], state=state, follows=True).batches(stopped=stopped)


def test_what_was_not_sent_is_read_again_and_nothing_else(log: Path, tmp_path: Path) -> None:
    state, stopped = tmp_path / "state", Event()
    log.write_bytes(b"%d\n" * MAX_LINES % tuple(range(MAX_LINES)))
    first = followed(log, state, stopped)
    assert len(next(first)) == MAX_LINES
    assert not state.exists()  # it may not have arrived yet
    append(log, b"next\nhalf")
    assert next(first) == [b"next"]
    del first  # killed before that was sent
    second = followed(log, state, stopped)
    assert next(second) == [b"next"]
    stopped.set()
    assert list(second) == []
    append(log, b" a line\n")
    third = followed(log, state, Event())
    assert next(third) == [b"half a line"]
    os.truncate(log, 0)
    append(log, b"anew\n")
    assert next(third) == [b"anew"]
    third.close()


def test_files_that_are_not_there_and_states_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        files([tmp_path / "none"], state=None, follows=False)
    (tmp_path / "state").write_text("[1]")
    with pytest.raises(CommandError):
        files([tmp_path / "none"], state=tmp_path / "state", follows=True)
