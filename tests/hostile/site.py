"""A way to the product as an attacker has it: directly, or through nginx. Knows what each hop saw."""

import contextlib
import io
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import requests

from embedded import environment
from embedded.parts import product_parts
from embedded.processes import free_port, is_taken
from foundation.refusals import CODES
from tests.hostile.nginx import NAME, Nginx, running_nginx, trusting
from tests.waiting import DEADLINE_SECONDS, wait_until

#: Statuses of our own codes, and those with which granian and nginx refuse what is no HTTP, or none of their kind.
DOCUMENTED = {status for status, _ in CODES.values()} - {500} | {200, 400, 408, 414, 431, 501, 505}
MEBIBYTE = 2**20
#: What a line of access says of what was asked: whatever that holds, it is no complaint.
QUERIES = re.compile(r"\?[^\s\"]*")
LOG = {"timestamp": "2026-01-26T14:30:00Z", "level": "info"}
ACCESS_LOG = {
    "GRANIAN_LOG_ACCESS_ENABLED": "1",
    "GRANIAN_LOG_ACCESS_FMT": "access %(status)d %(method)s %(path)s?%(query_string)s",
}
#: What is kept waits until the last test is over, however long that takes on a busy machine.
NOBODY_DRAINS = {"LUMINALOG_SPOOL_MAX_AGE_SECONDS": "86400"}


def batch(*messages: str, **fields: Any) -> bytes:
    """Return a body with one entry a message."""
    return json.dumps({"logs": [LOG | {"message": message} | fields for message in messages]}).encode()


@dataclass(frozen=True)
class Answer:
    """One answer of those on a connection."""

    status: int
    headers: Message
    body: bytes

    @property
    def code(self) -> str | None:
        """The problem's code, if it is a problem of ours."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return None
        code: str = json.loads(self.body)["code"]
        return code


@dataclass(frozen=True)
class Exchange:
    """All that came back on a connection, and whether the server closed it."""

    answers: tuple[Answer, ...]
    closed: bool
    seconds: float = field(compare=False)

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]


@dataclass(frozen=True)
class Site:
    """One way in, with the keys of one organisation: `secret` may do all, `reader` only read, `sender` only send."""

    name: str
    port: int
    web_port: int
    tail_port: int
    pid: int
    output: Path
    secret: str
    reader: str
    sender: str
    organisation_id: int
    nginx: Nginx | None = None

    @property
    def host(self) -> str:
        return NAME if self.nginx else "localhost"

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.port}" if self.nginx else f"http://localhost:{self.port}"

    # --- well-behaved ---

    def session(self) -> requests.Session:
        """Return a client that trusts the proxy's certificate."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Host"] = self.host
        if self.nginx:
            session.verify = str(self.nginx.trust)
        return session

    def post(self, body: Any, **headers: str | None) -> requests.Response:
        """POST `body` to /v1/logs; a header's name has `_` for `-`, and None leaves it out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"x-api-key": self.secret, "Content-Type": "application/json", **named}
        sent = {name: value for name, value in given.items() if value is not None}
        with self.session() as session:
            return session.post(f"{self.base_url}/v1/logs", data=body, headers=sent, timeout=DEADLINE_SECONDS)

    # --- not well-behaved ---

    def connect(self, *, source: str = "127.0.0.1", seconds: float = DEADLINE_SECONDS) -> socket.socket:
        """Open a bare connection from a loopback address, with TLS where there is TLS."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds, source_address=(source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return trusting(self.nginx).wrap_socket(plain, server_hostname=NAME) if self.nginx else plain

    def head(self, *lines: str | bytes, start: str = "POST /v1/logs HTTP/1.1", key: str | None = None) -> bytes:
        """Return the head of a request with these header lines."""
        first = [start, f"Host: {self.host}", f"x-api-key: {key or self.secret}", "Content-Type: application/json"]
        as_bytes = [line.encode("latin-1") if isinstance(line, str) else line for line in [*first, *lines]]
        return b"\r\n".join([*as_bytes, b"", b""])

    def exchange(
        self, *pieces: bytes, expected: int = 0, first_seconds: float = 1.5, quiet_seconds: float = 0.4
    ) -> Exchange:
        """Send `pieces`; read until the server closes or gives `expected` answers, else until it is quiet.

        It is quiet when it says nothing for so long, and for as long again as it takes to serve somebody else.
        """
        if expected:
            first_seconds = quiet_seconds = DEADLINE_SECONDS
        began = time.monotonic()
        received, closed = bytearray(), False
        with self.connect() as connected:
            with contextlib.suppress(OSError):  # it may hang up before it has taken all
                for piece in pieces:
                    connected.sendall(piece)
            connected.settimeout(first_seconds)
            while not closed and not 0 < expected <= len(list(_answers(bytes(received)))):
                try:
                    chunk = connected.recv(65536) if expected else self._receive(connected)
                except TimeoutError:
                    break
                except (ConnectionError, ssl.SSLError):
                    chunk = b""
                received += chunk
                closed = not chunk
                connected.settimeout(quiet_seconds)
        return Exchange(tuple(_answers(bytes(received))), closed, time.monotonic() - began)

    def _receive(self, connected: socket.socket) -> bytes:
        with contextlib.suppress(TimeoutError):
            return connected.recv(65536)
        with self.session() as other:  # a busy machine is slow for all
            answer = other.get(f"{self.base_url}/v1/logs", headers={"x-api-key": self.reader}, timeout=DEADLINE_SECONDS)
        connected.settimeout(3 * answer.elapsed.total_seconds())
        return connected.recv(65536)

    # --- what the hops saw ---

    def seen(self) -> list[str]:
        """Return method and target of all requests that the application was given."""
        found = re.findall(r"access (\d+) (\S+ .*)", self.output.read_text(errors="replace"))
        return [line.removesuffix("?") for _, line in found]

    def printed(self) -> int:
        """Return how many bytes the servers have printed."""
        return self.output.stat().st_size

    def complaints(self, *, since: int) -> list[str]:
        """Return what is printed beyond `since` bytes that nobody should have to read: 500s, panics, tracebacks."""
        with self.output.open("rb") as output:
            output.seek(since)
            text = QUERIES.sub("?", output.read().decode(errors="replace"))
        return re.findall(r"(?:access 500|.*internal_error|.*panicked|Traceback|.*Internal Server Error).*", text)

    def resident_bytes(self) -> int:
        """Return how much memory the web process holds now."""
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """Return how much memory the web process held at most since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin anew (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        """Return how long the web process has computed until now (proc(5), stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _memory(self, name: str) -> int:
        [line] = [line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1024


class _Received(io.BytesIO):
    """What came over a socket, as `http.client` wants to read it: again and again, and never closed."""

    def makefile(self, _mode: str) -> "_Received":
        return self

    def close(self) -> None:
        """Stay open for the next answer."""


def _answers(received: bytes) -> Iterator[Answer]:
    stream = _Received(received)
    while stream.tell() < len(received):
        response = HTTPResponse(stream)  # type: ignore[arg-type]
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ValueError):
            yield Answer(0, Message(), received[stream.tell() :])
            return
        yield Answer(response.status, response.headers, body)


@contextmanager
def running_site(folder: Path, *, servers: Mapping[str, str], behind_nginx: bool, **keys: Any) -> Iterator[Site]:
    """Run web and tail as the runner does; behind nginx as in production, trusting one proxy."""
    folder.mkdir()
    env = environment.compute(folder, servers={**servers, **ACCESS_LOG, **NOBODY_DRAINS})
    if behind_nginx:
        env |= {"LUMINALOG_DEVELOPMENT": "0", "ALLOWED_HOSTS": NAME, "LUMINALOG_TRUSTED_PROXIES": "1"}
    web_port, tail_port, output = free_port(), free_port(), folder / "output.log"
    running = [part for part in product_parts(env, port=web_port, tail_port=tail_port) if part.name in ("web", "tail")]
    with ExitStack() as stack:
        stream = stack.enter_context(output.open("wb"))
        for part in running:
            part.start(stream)
            stack.callback(part.stop)
        for port in (web_port, tail_port):
            wait_until(lambda port=port: is_taken(port), what="a server that listens")  # type: ignore[misc]
        [web] = [part.process for part in running if part.name == "web"]
        assert web
        site = Site("direct", web_port, web_port, tail_port, _only_child(web.pid), output, **keys)
        if behind_nginx:
            nginx = stack.enter_context(running_nginx(folder / "nginx", web_port=web_port, tail_port=tail_port))
            site = replace(site, name="nginx", port=nginx.port, nginx=nginx)
        yield site


def _only_child(pid: int) -> int:
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
