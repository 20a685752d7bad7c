"""`make test-clients`: what clients do when they are refused, in their protocol's words: nothing goes on for ever."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from foundation.refusals import CODES, Refusal
from ingest.agents import wait_less
from ingest.protocol import Head, Protocol, Reply
from ingest.protocols.elasticsearch import ELASTICSEARCH, handshake
from ingest.protocols.loki import LOKI
from ingest.protocols.otlp import OTLP
from tests.clients.clients import CLIENTS, Client, running

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")
PROTOCOLS: dict[str, Protocol] = {"otlp": OTLP, "elasticsearch": ELASTICSEARCH, "loki": LOKI}
REFUSALS = {
    429: lambda: Refusal("rate_limited", retry_after_seconds=60),
    503: lambda: Refusal("storage_unavailable", retry_after_seconds=5),
    401: lambda: Refusal("invalid_api_key"),
}
KEY = "ll_" + "0" * 48
#: Client, status: whether it tries again (intake tables; one that never does makes one request a batch).
CASES = [
    ("otel-py", 429, True), ("otel-py", 503, True), ("otel-py", 401, False),
    ("elastic-py", 429, True), ("elastic-py", 401, False),
    ("otel-js", 429, True), ("otel-js", 401, False),
]  # fmt: skip


@contextmanager
def refusing(protocol: Protocol, refuse: Callable[[], Refusal]) -> Iterator[tuple[str, list[str]]]:
    """Answer what is sent with a refusal in the protocol's own words; yield the address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._drop_body()
            asked.append(self.path)
            refusal = refuse()
            wait_less(refusal)
            assert refusal.status == CODES[refusal.code][0]
            self._send(protocol.refusal(refusal, request_id=None, head=self._head()))

        do_PUT = do_POST

        def do_GET(self) -> None:
            reply = handshake.answer(self._head(), method="GET", cluster_id="c" * 22)
            assert reply
            self._send(reply)

        def _head(self) -> Head:
            return Head(media_type=self.headers.get("Content-Type", ""), headers=dict(self.headers.items()))

        def _drop_body(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.media_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("name", "status", "tries_again"), CASES)
def test_refused_client_tries_again_or_gives_up_and_ends(name: str, status: int, tries_again: bool, tmp_path: Path):
    client: Client = next(one for one in CLIENTS if one.name == name)
    with refusing(PROTOCOLS[client.protocol], REFUSALS[status]) as (url, asked), running(client, url, KEY, tmp_path):
        pass
    batches = 4  # of a thousand entries, at most
    assert 1 <= len(asked) <= (batches * 12 if tries_again else batches), (tmp_path / "output").read_text()
    assert (len(asked) > 1) or not tries_again
