"""A core on loopback that answers an edge as it is told to, and keeps what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import json

from edges import wire
from edges.wire import Carried, Opening

#: Makes status and body of an answer of the request's body; None hangs up without one.
Answer = Callable[[bytes], tuple[int, Any] | None]


class Core(ThreadingHTTPServer):
    """Answers each request by the next of `answers`, the last of them again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = [kept]
        self.bodies: list[bytes] = []
        self.tokens: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self) -> list[tuple[Opening, list[Carried]]]:
        """Return what was forwarded, request by request."""
        return [wire.read(body) for body in self.bodies]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Core

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.server.tokens.append(self.headers["Authorization"])
        answers = self.server.answers
        answered = (answers.pop(0) if len(answers) > 1 else answers[0])(body)
        if answered is None:
            self.close_connection = True
            return
        status, document = answered
        said = json.encode(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def kept(body: bytes) -> tuple[int, Any]:
    """Keep all that is forwarded."""
    opening, batches = wire.read(body)
    return 200, {"kept": [one.head.edge_batch_id for one in batches], "refused": [], "floor": opening.floor}


def lost(_: bytes) -> None:
    """Answer nothing: nobody knows whether it was kept."""


def says(status: int, document: Any = None) -> Answer:
    """Return what answers all the same."""
    return lambda _: (status, document or {})


@contextmanager
def core() -> Iterator[Core]:
    """Run one."""
    with Core() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
