"""A gate before the product: it refuses in a protocol's own words as long as it is told to, and passes the rest on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from foundation.refusals import Refusal
from ingest.agents import wait_less
from ingest.protocol import Head, Protocol
from tests.waiting import DEADLINE_SECONDS

#: Of one connection only.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect"}


@dataclass(kw_only=True)
class Gate:
    """What came to a gate: addresses and bodies of requests that were refused, and how many were let through."""

    protocol: Protocol
    refuse: Callable[[], Refusal]
    #: How many requests are refused; None: all, handshakes too.
    times: int | None
    url: str = ""
    refused: list[tuple[str, bytes]] = field(default_factory=list)
    passed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lets_through(self, method: str, path: str, body: bytes) -> bool:
        """Tell whether a request may pass; note what came."""
        with self._lock:
            if self.times is None or (method in ("POST", "PUT") and len(self.refused) < self.times):
                self.refused.append((path, body))
                return False
            self.passed += 1
            return True


@contextmanager
def gate_before(base_url: str, gate: Gate) -> Iterator[Gate]:
    """Have the gate stand before a server for the block."""
    handler = type("Handler", (_Handler,), {"gate": gate, "behind": urlsplit(base_url).netloc})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        gate.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield gate
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    gate: Gate
    behind: str
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        answer = self._pass_on if self.gate.lets_through(self.command, self.path, body) else self._refuse
        answer(body)

    do_GET = do_PUT = do_HEAD = do_POST

    def _refuse(self, _: bytes) -> None:
        refusal = self.gate.refuse()
        wait_less(refusal)
        headers = dict(self.headers.items())
        head = Head(media_type=self.headers.get("Content-Type", ""), headers=headers)
        reply = self.gate.protocol.refusal(refusal, request_id=None, head=head)
        self._send(reply.status, {"Content-Type": reply.media_type, **reply.headers}, reply.body)

    def _pass_on(self, body: bytes) -> None:
        connection = HTTPConnection(self.behind, timeout=DEADLINE_SECONDS)
        connection.request(self.command, self.path, body or None, _end_to_end(self.headers))
        response = connection.getresponse()
        content = response.read()
        self._send(response.status, _end_to_end(response.headers), content)
        connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _end_to_end(headers: "Message[str, str]") -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
