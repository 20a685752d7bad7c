"""Lines become entries: in batches, in pieces, whole; and the key goes nowhere by accident."""

import os
import threading
from argparse import Namespace
from pathlib import Path

import pytest
from django.core.management import CommandError

from command.lines import MAX_LINE_BYTES, MAX_LINES, batches, pieces
from command.sending import parser
from command.server import Server, server


def _write_all(descriptor: int, text: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(text)


def fed(text: bytes, *, stopped: threading.Event | None = None) -> list[list[bytes]]:
    """Return the batches of a pipe that holds `text` and ends."""
    reading, writing = os.pipe()
    writer = threading.Thread(target=_write_all, args=(writing, text))
    writer.start()
    try:
        return list(batches(reading, stopped=stopped or threading.Event()))
    finally:
        writer.join()
        os.close(reading)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb", [b"a", b"b"]),
        (b"\n \n\na\n\n", [b"a"]),
        (b"", []),
        (b"caf\xe9\n", [b"caf\xe9"]),
    ],
)
def test_line_is_what_ends_with_a_newline(text: bytes, lines: list[bytes]) -> None:
    assert [line for batch in fed(text) for line in batch] == lines


def test_full_batch_is_sent_at_once() -> None:
    assert [len(batch) for batch in fed(b"x\n" * (2 * MAX_LINES + 1))] == [MAX_LINES, MAX_LINES, 1]


def test_line_without_an_end_is_taken_apart() -> None:
    got = [line for batch in fed(b"x" * (3 * 2**20)) for line in batch]
    assert (b"".join(got), len(got) > 1) == (b"x" * (3 * 2**20), True)


def test_first_line_does_not_wait_for_a_full_batch() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"first\n")
    found = batches(reading, stopped=threading.Event())
    assert next(found) == [b"first"]  # while the pipe is open
    os.close(writing)
    assert list(found) == []
    os.close(reading)


def test_what_is_in_hand_is_sent_when_we_are_told_to_stop() -> None:
    reading, writing = os.pipe()
    stopped = threading.Event()
    found = batches(reading, stopped=stopped)
    os.write(writing, b"a\n" * MAX_LINES + b"last")
    assert len(next(found)) == MAX_LINES
    stopped.set()
    assert list(found) == [[b"last"]]
    os.close(writing)
    os.close(reading)


@pytest.mark.parametrize("line", [b"a" * 30_000, "é€😀".encode() * 5_000, b"\xff" * 12_000, b"short"])
def test_long_line_becomes_pieces_that_are_text_and_lose_nothing(line: bytes) -> None:
    found = list(pieces(line))
    assert "".join(found) == line.decode(errors="replace")
    assert max(len(piece.encode()) for piece in found) <= MAX_LINE_BYTES


@pytest.fixture
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LUMINALOG_URL", "LUMINALOG_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LUMINALOG_DATA_DIR", str(tmp_path))


@pytest.fixture
def _here(_nowhere: None, tmp_path: Path) -> None:
    (tmp_path / "bootstrap.json").write_text('{"base_url": "http://127.0.0.1:1", "api_key": "ll_here"}')


@pytest.mark.usefixtures("_here")
def test_running_product_s_key_is_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server(url=None, key_file=None) == Server("http://127.0.0.1:1", "ll_here")
    with pytest.raises(CommandError, match="Name a key"):
        server(url="https://logs.example.com", key_file=None)
    monkeypatch.setenv("LUMINALOG_API_KEY", "ll_there\n")
    assert server(url="https://logs.example.com", key_file=None) == Server("https://logs.example.com", "ll_there")


@pytest.mark.usefixtures("_nowhere")
@pytest.mark.parametrize(
    ("url", "why", "status"),
    [
        (None, "No LuminaLog runs here", 3),
        ("http://logs.example.com", "Use https", 2),
        ("logs.example.com", "Write the address", 2),
        ("ftp://logs.example.com", "Write the address", 2),
        ("https://", "Write the address", 2),
        ("https://[::1", "Write the address", 2),
        ("https://logs.example.com:x", "Write the address", 2),
    ],
)
def test_address_that_would_not_do_is_refused(
    url: str | None, why: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINALOG_API_KEY", "ll_x")
    with pytest.raises(CommandError, match=why) as refused:
        server(url=url, key_file=None)
    assert refused.value.returncode == status


@pytest.mark.usefixtures("_nowhere")
@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "https://a/under"])
def test_address_that_does_is_taken(url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("ll_x\n")
    assert server(url=url, key_file=tmp_path / "key") == Server(url, "ll_x")


def test_server_that_is_away_is_tried_until_patience_ends() -> None:
    waited: list[float] = []
    with pytest.raises(CommandError, match="does not take them") as refused:
        Server("http://127.0.0.1:1", "ll_x").send([b"{}"], is_over=lambda _spent: len(waited) == 3, wait=waited.append)
    assert (refused.value.returncode, waited) == (3, [0.5, 1.0, 2.0])


@pytest.mark.parametrize("arguments", [["--field", "x"], ["--field", "=x"], ["--level", "loud"], ["--patience", "-1"]])
def test_argument_that_is_none_is_not_understood(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(arguments)
    assert refused.value.code == 2


def test_fields_and_text_are_read() -> None:
    read = parser().parse_args(["--field", "a=b=c", "Hello", "there"])
    assert isinstance(read, Namespace)
    assert (read.field, read.text) == ([("a", "b=c")], ["Hello", "there"])
