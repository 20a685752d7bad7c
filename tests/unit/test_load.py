"""The benchmarks' client: every request is answered and counted once, and a stalled server is not hidden."""

import re
import socketserver
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from tests.benchmarks.bodies import request
from tests.benchmarks.load import Load, send

#: More than goes into a socket at once.
LARGE = b"x" * 3_000_000


class Server(socketserver.ThreadingTCPServer):
    """Answers each request with the length of its body, every third with 429; the first ones after a while."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stands_still_seconds = 0.0
        self.may_answer = threading.Event()
        self.numbers, self.arrived = count(1), count()

    def await_turn(self) -> None:
        """Wait until so many seconds are over since the first request has arrived."""
        if next(self.arrived) == 0:
            threading.Timer(self.stands_still_seconds, self.may_answer.set).start()
        self.may_answer.wait()


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        while self.rfile.readline():
            head = b"".join(iter(self.rfile.readline, b"\r\n"))
            length = int(re.findall(rb"content-length: (\d+)", head)[0])
            body = str(len(self.rfile.read(length))).encode()
            self.server.await_turn()
            status = 200 if next(self.server.numbers) % 3 else 429
            self.wfile.write(f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def load(server: Server, *requests: bytes, **options: float) -> Load:
    host, port = server.server_address[:2]
    return Load(address=(str(host), port), requests=requests, connections=4, **({"seconds": 60} | options))


def test_each_request_is_answered_once_whatever_its_size(server: Server) -> None:
    sizes: list[int] = []
    requests = [request("POST", "/", body=body) for body in (b"", b"1", LARGE)]
    sent = send(load(server, *requests, at_most=12), look=lambda _status, body, _due: sizes.append(int(body)))
    assert sorted(sizes) == [0] * 4 + [1] * 4 + [len(LARGE)] * 4
    assert sent.statuses == {200: 8, 429: 4}
    assert sent.requests == 12
    with pytest.raises(AssertionError):
        sent.all_taken()


def test_as_much_is_sent_as_is_answered_in_the_time(server: Server) -> None:
    sent = send(load(server, request("GET", "/"), seconds=0.05))
    assert sent.requests == next(server.numbers) - 1 >= 4
    assert sent.seconds >= 0.05


def test_latency_counts_from_when_a_request_was_due(server: Server) -> None:
    """Only four are on their way while the server stands still; those due meanwhile have waited as well."""
    server.stands_still_seconds = 0.2
    sent = send(load(server, request("GET", "/"), seconds=0.2, rate=200))
    assert sent.requests == 41
    assert sent.percentile(0.5) > 0.09
