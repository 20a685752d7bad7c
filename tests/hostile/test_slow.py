"""Those who take their time: others are served meanwhile, and what was not sent whole is not kept."""

import contextlib
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.hostile.healthy import Healthy, healthy_client
from tests.hostile.site import Site, batch
from tests.waiting import wait_until

#: nginx counts connections by address (`limit_conn`): the slow ones come from another than the healthy client.
SLOW_SOURCE = "127.0.0.2"
SLOW_CALLERS = 60
TURNS = 12
BODY = batch("slow")


Piece = Callable[[int], bytes]


def while_slow(site: Site, kinds: list[Piece], *, connections: int) -> Healthy:
    """Return what a healthy client saw while others sent a piece after each of its answers, `kinds` in turns."""
    with ExitStack() as stack:
        taking_turns = (kinds[n % len(kinds)] for n in range(connections))
        opened = [(stack.enter_context(site.connect(source=SLOW_SOURCE)), piece) for piece in taking_turns]
        healthy = stack.enter_context(healthy_client(site))
        for turn in range(TURNS):
            for connection, piece in opened:
                with contextlib.suppress(OSError):
                    connection.sendall(piece(turn))
            healthy.wait_until_served(times=turn + 1)
    return healthy


def after(head: bytes, piece: bytes) -> Piece:
    """Send `head` first, and `piece` ever after."""
    return lambda turn: piece if turn else head


def test_slow_heads_hold_nobody_up(site: Site):
    kinds = [
        after(b"", b""),
        after(b"POST /v1", b"x"),
        after(b"POST /v1/logs HTTP/1.1\r\n", b"X-Slow: a\r\n"),
        after(b"POST /v1/logs HTTP/1.1\r\nX-Slow: ", b"a"),
    ]
    while_slow(site, kinds, connections=SLOW_CALLERS).assert_was_served()


def test_slow_bodies_hold_nobody_up_and_are_not_kept(site: Site, kept: Callable[[], list[bytes]]):
    kinds = [
        after(site.head(f"Content-Length: {len(BODY)}"), b" "),
        after(site.head("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        after(site.head("Transfer-Encoding: chunked") + b"5;", b"a"),
        after(site.head("Content-Encoding: gzip", "Content-Length: 1000"), b"\x1f"),
        after(site.head(f"Content-Length: {len(BODY)}") + BODY[:-1], b""),
    ]
    while_slow(site, kinds, connections=SLOW_CALLERS).assert_was_served()
    assert not any(b'"slow"' in line for line in kept())


def test_slow_announcers_hold_nobody_up(site: Site):
    """A large body is announced and never sent: small ones of everybody are taken meanwhile."""
    kinds = [after(site.head(f"Content-Length: {100 * 10**6}"), b"")]
    while_slow(site, kinds, connections=SLOW_CALLERS).assert_was_served()


def test_half_closed_connection_is_answered_or_closed_and_kept_only_if_answered(site: Site, kept):
    before = len(kept())
    answers = 0
    for _ in range(5):
        with site.connect() as connected, contextlib.suppress(OSError, TimeoutError):
            connected.sendall(site.head(f"Content-Length: {len(BODY)}", "Connection: close") + BODY)
            if site.nginx is None:
                connected.shutdown(1)
            answers += connected.recv(65536).startswith(b"HTTP/1.1 200")
    wait_until(lambda: len(kept()) - before >= answers, what="batches that were answered")
    assert len(kept()) - before <= 5  # an answer may be lost


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_connection_that_breaks_in_the_body_leaves_nothing(site: Site, kept, part: float):
    before = kept()
    for _ in range(5):
        with site.connect() as connected, contextlib.suppress(OSError):
            connected.sendall(site.head(f"Content-Length: {len(BODY)}") + BODY[: int(len(BODY) * part)])
            if site.nginx is None:
                connected.shutdown(socket.SHUT_WR)
                while connected.recv(65536):  # until the server is done with it
                    pass
    assert kept() == before
