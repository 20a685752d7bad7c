"""A client that costs little: the same bytes again over kept connections, and of the answer only status and length."""

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTIONS = 8
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def entries(count: int, **fields: object) -> list[dict[str, object]]:
    """Return entries as applications send them, about 290 bytes each."""
    return [
        {
            "timestamp": f"2026-01-26T14:30:{number % 60:02}.{number % 1000:03}Z",
            "level": ("info", "info", "info", "warn", "error")[number % 5],
            "message": f"GET /api/orders/{number} answered in {number % 97} ms for the customer at the till",
            "environment": "production",
            "metadata": {
                "user_id": f"user-{number % 500}",
                "path": f"/api/orders/{number}",
                "status": 200,
                "ms": number,
            },
            **fields,
        }
        for number in range(count)
    ]


def request_bytes(body: object, *, port: int, headers: Mapping[str, str]) -> bytes:
    """Return a whole HTTP request that posts `body` as JSON."""
    content = json.dumps(body, separators=(",", ":")).encode()
    lines = ["POST /v1/logs HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Connection:
    """One kept connection; `send` returns the status of the answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> int:
        self.socket.sendall(request)
        answer = self._receive()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        found = LENGTH.search(answer, 0, end)
        assert found, "an answer without Content-Length"
        missing = end + 4 + int(found[1]) - len(answer)
        while missing > 0:
            missing -= len(self._receive())
        return int(answer[9:12])

    def _receive(self) -> bytes:
        received = self.socket.recv(65536)
        assert received, "the server hung up"
        return received


@dataclass
class Load:
    """What came back of a load."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def requests_per_second(self) -> float:
        assert set(self.statuses) == {200}, self.statuses
        return self.statuses[200] / self.seconds


def load(request: bytes, *, port: int, seconds: float) -> Load:
    """Send `request` over a few connections at once for `seconds`."""
    done, end = Load(), time.monotonic() + seconds

    def work() -> None:
        connection, statuses = Connection(port), Counter[int]()
        while time.monotonic() < end:
            statuses[connection.send(request)] += 1
        done.statuses.update(statuses)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.seconds = time.monotonic() - started
    return done
