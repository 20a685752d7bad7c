"""Load over HTTP from processes of our own: raw sockets with keep-alive, so that the client costs little."""

import multiprocessing
import socket
import time
from dataclasses import dataclass

CLIENTS = 8
PROCESSES = 2


@dataclass(frozen=True, kw_only=True)
class Load:
    """The same request, again and again, for some seconds."""

    port: int
    request: bytes
    seconds: float


def request(method: str, path: str, *, body: bytes = b"", api_key: str = "") -> bytes:
    """Return one HTTP/1.1 request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    if api_key:
        head += f"x-api-key: {api_key}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"\r\n" + body


def requests_a_second(load: Load) -> float:
    """Send `load` over `CLIENTS` connections; return the rate of 200s. Raises: `AssertionError` at any other answer."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        counts = pool.map(_run, [load] * PROCESSES)
    return sum(counts) / load.seconds


def send(connection: socket.socket, data: bytes) -> None:
    """Send one request and read its answer. Raises: `AssertionError` when that is no 200."""
    connection.sendall(data)
    _read_answer(connection)


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def _run(load: Load) -> int:
    """Keep several connections busy from one thread: send on all, then read from all, again and again."""
    connections = [socket.create_connection(("127.0.0.1", load.port)) for _ in range(CLIENTS // PROCESSES)]
    deadline, count = time.monotonic() + load.seconds, 0
    for connection in connections:
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(load.request)
    while time.monotonic() < deadline:
        for connection in connections:
            _read_answer(connection)
            connection.sendall(load.request)
            count += 1
    for connection in connections:
        _read_answer(connection)
        connection.close()
    return count


def _read_answer(connection: socket.socket) -> None:
    answer = _received(connection)
    while b"\r\n\r\n" not in answer:
        answer += _received(connection)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
    head, _, body = answer.partition(b"\r\n\r\n")
    missing = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
    while missing > 0:
        missing -= len(_received(connection))
