"""The product's own web server on the tests' database, and ways to talk to it over HTTP and over bare sockets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from embedded.processes import free_port, is_taken
from tests.processes import PROJECT, database_url, only_child
from tests.waiting import DEADLINE_SECONDS, wait_until


@dataclass
class Answer:
    """An answer as it came over a raw socket."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """The web server, and a key that it takes."""

    port: int
    pid: int = 0
    secret: str = ""
    timeout_seconds: float = DEADLINE_SECONDS

    def post(self, body: bytes | Iterator[bytes], *, path: str = "/v1/logs", **headers: str | None) -> Any:
        """POST with a good key; a header's name has `_` for `-`, and None leaves it out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"x-api-key": self.secret, "Content-Type": "application/json", **named}
        sent = {name: value for name, value in given.items() if value is not None}
        return requests.post(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers=sent, timeout=self.timeout_seconds
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET; a header's name has `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"http://127.0.0.1:{self.port}{path}", headers=named, timeout=DEADLINE_SECONDS)

    def raw(self, *pieces: bytes, hang_up: bool = False) -> Answer:
        """Send `pieces` as they are, and return the first answer; after hanging up, when the server does too.

        Raises: OSError, TimeoutError when there is none.
        """
        with self.connect() as connected:
            for piece in pieces:
                connected.sendall(piece)
            if hang_up:
                connected.shutdown(socket.SHUT_WR)
            with connected.makefile("rb") as stream:
                answer = _read_answer(stream)
                if hang_up:
                    stream.read()
                return answer

    def has_read(self, caller: socket.socket) -> bool:
        """Tell whether the server has taken all that `caller` sent it out of its socket (proc(5), net/tcp)."""
        ends = f"0100007F:{self.port:04X} 0100007F:{caller.getsockname()[1]:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        return [row[4].partition(":")[2] for row in rows if " ".join(row[1:3]) == ends] == ["00000000"]

    def connect(self, *, receives_bytes: int | None = None) -> socket.socket:
        """Open a bare connection, with a buffer for so many bytes that arrive."""
        connected = socket.socket()
        connected.settimeout(DEADLINE_SECONDS)
        if receives_bytes:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives_bytes)
        connected.connect(("127.0.0.1", self.port))
        return connected

    def head(self, *lines: str, key: str | None = None) -> bytes:
        """Return the head of a request with these header lines."""
        start = ["POST /v1/logs HTTP/1.1", "Host: localhost", f"x-api-key: {key or self.secret}"]
        return "\r\n".join([*start, "Content-Type: application/json", *lines, "", ""]).encode()


def _read_answer(stream: Any) -> Answer:
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Answer(status, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def web_server(**environment: object) -> Iterator[Web]:
    """Run the web server with these settings, patient; its `pid` is that of the process that answers."""
    port = free_port()
    own_keys = f"ll:web-{port}:"  # its buckets and failures are no other test's
    given = {"DATABASE_URL": database_url(), "VALKEY_KEY_PREFIX": own_keys}
    given |= {name: str(value) for name, value in environment.items()}
    granian = [str(Path(sys.executable).with_name("granian")), "--interface", "rsgi", "--no-ws", "--log-level", "error"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    command = [*granian, *address, "tests.integration.patient_web:application"]
    server = subprocess.Popen(command, cwd=PROJECT, env=os.environ | given)
    try:
        wait_until(lambda: _listens(server, port), what="the web server")
        yield Web(port, pid=only_child(server.pid))
    finally:
        server.terminate()
        server.wait(DEADLINE_SECONDS)


def _listens(server: subprocess.Popen[bytes], port: int) -> bool:
    assert server.poll() is None, "it ended at once"
    return is_taken(port)
