"""Load over HTTP from one thread: keep-alive connections, epoll, requests made beforehand, so that it costs little.

Either as much as is answered, or at a pace, and then a latency counts from when its request was due: a server that
stands still is not hidden by a client that waits for it.
"""

import math
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE_SECONDS = 60.0
#: As much as Linux allows: a large body then goes in few pieces.
SEND_BUFFER_BYTES = 2**20
#: Is told of each answer: its status, its body, when its request was due.
Look = Callable[[int, bytes, float], None]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests to an address, in turns, for some seconds, or so many; with `rate`, so many a second."""

    address: tuple[str, int]
    requests: tuple[bytes, ...]
    connections: int
    seconds: float
    rate: float = 0
    at_most: float = math.inf


@dataclass
class Sent:
    """What became of a load: answers by status, how long each took, and the client's own CPU."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.latencies)

    @property
    def requests_a_second(self) -> float:
        return self.requests / self.seconds

    def all_taken(self) -> "Sent":
        """Return it. Raises: `AssertionError` if any answer was no success."""
        assert all(200 <= status < 300 for status in self.statuses), self.statuses
        return self

    def percentile(self, share: float) -> float:
        """Return the seconds that this share of requests took at most."""
        return sorted(self.latencies)[int(len(self.latencies) * share)] if self.latencies else 0.0


def send(load: Load, *, look: Look | None = None) -> Sent:
    """Send it, and return when all is answered; `look` is told of each answer: status, body, when it was due."""
    return _Client(load, look).run()


class _Client:
    def __init__(self, load: Load, look: Look | None) -> None:
        self._load, self._look = load, look
        self._sent = Sent()
        self._begun = 0
        self._poll = select.epoll()
        self._free: deque[_Connection] = deque(_Connection(load.address) for _ in range(load.connections))
        self._all = {one.socket.fileno(): one for one in self._free}

    def run(self) -> Sent:
        for number in self._all:
            self._poll.register(number, select.EPOLLIN)
        cpu, self._start = time.thread_time(), time.monotonic()
        self._end = self._start + self._load.seconds
        while self._send_what_is_due() or len(self._free) < len(self._all):
            self._take_answers()
        self._sent.seconds = time.monotonic() - self._start
        self._sent.cpu_seconds = time.thread_time() - cpu
        for one in self._all.values():
            one.socket.close()
        self._poll.close()
        return self._sent

    def _send_what_is_due(self) -> bool:
        """Send on all free connections what is due by now; tell whether anything will be due later."""
        now = time.monotonic()
        while self._free and (due := self._next_due(now)) <= min(now, self._end):
            self._send(self._free.popleft(), due)
        return self._next_due(now) <= self._end

    def _next_due(self, now: float) -> float:
        if self._begun >= self._load.at_most:
            return math.inf
        return self._start + self._begun / self._load.rate if self._load.rate else now

    def _send(self, connection: "_Connection", due: float) -> None:
        request = self._load.requests[self._begun % len(self._load.requests)]
        self._begun += 1
        if not connection.send(request, due=due):
            self._poll.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)

    def _take_answers(self) -> None:
        """Wait until something is due or answered, and take what is."""
        now = time.monotonic()
        due = self._next_due(now)
        is_due = bool(self._free) and due <= self._end
        ready = self._poll.poll(max(0.0, due - now) if is_due else PATIENCE_SECONDS)
        assert ready or is_due, f"no answer within {PATIENCE_SECONDS:g} s"
        for number, event in ready:
            connection = self._all[number]
            if event & select.EPOLLOUT and connection.send_rest():
                self._poll.modify(number, select.EPOLLIN)
            if event & ~select.EPOLLOUT and connection.receive():
                self._note(connection)

    def _note(self, connection: "_Connection") -> None:
        status, body = connection.answer()
        now = time.monotonic()
        self._sent.latencies.append(now - connection.due)
        self._sent.statuses[status] += 1
        if self._look:
            self._look(status, body, connection.due)
        self._free.append(connection)


class _Connection:
    """One connection, with a request on its way or none."""

    __slots__ = ("_answer", "_body_at", "_ends_at", "_rest", "due", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._rest = memoryview(b"")
        self.due = 0.0

    def send(self, request: bytes, *, due: float) -> bool:
        """Begin a request; tell whether all of it is gone."""
        self.due = due
        self._answer = b""
        self._ends_at = self._body_at = 0
        self._rest = memoryview(request)
        return self.send_rest()

    def send_rest(self) -> bool:
        while self._rest:
            try:
                self._rest = self._rest[self.socket.send(self._rest) :]
            except BlockingIOError:
                return False
        return True

    def receive(self) -> bool:
        """Read what is here; tell whether the answer is whole."""
        received = self.socket.recv(2**18)
        if not received:
            raise ConnectionError("the server closed the connection")
        self._answer += received
        if not self._ends_at and b"\r\n\r\n" in self._answer:
            self._body_at = self._answer.index(b"\r\n\r\n") + 4
            self._ends_at = self._body_at + _length(self._answer[: self._body_at].lower())
        return 0 < self._ends_at <= len(self._answer)

    def answer(self) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        return int(self._answer[9:12]), self._answer[self._body_at :]


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0
