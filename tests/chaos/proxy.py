"""A TCP proxy on loopback between two parts of the product, which can be told to misbehave."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.chaos.inserts import Inserts
from tests.chaos.wire import Commits

CHUNK_BYTES = 2**16
SLICE_SECONDS = 0.05
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What a link does with what it is given."""

    PASS = "passes"
    CUT = "cut: connections are reset, new ones too"
    DELAY = "delays each chunk"
    BLACK_HOLE = "swallows: nothing arrives, nothing is closed"
    THROTTLE = "throttled"


class Cut(Enum):
    """At which moment a link is cut, once."""

    BEFORE_COMMIT = "PostgreSQL never sees the COMMIT"
    AFTER_COMMIT = "PostgreSQL has committed, and its answer is lost"
    ANSWER = "the server has answered, and the client never hears it"
    MID_INSERT = "ClickHouse has half of an INSERT, and never sees the rest"
    AFTER_INSERT = "ClickHouse has answered an INSERT, and its answer is lost"


@dataclass(eq=False)
class Connection:
    """The two sockets of one proxied connection."""

    writers: list[asyncio.StreamWriter]
    commits: Commits | None = None
    inserts: Inserts | None = None
    cut_at_answer: Cut | None = None

    def reset(self) -> None:
        for writer in self.writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            writer.transport.abort()


class Link:
    """One proxied link; `port` is where its client connects to. Its methods are for other threads."""

    def __init__(self, name: str, *, target_port: int) -> None:
        self.name = name
        self.target_port = target_port
        self.port = 0
        self.mode = Mode.PASS
        self.fired: Counter[str] = Counter()  # connections cut, chunks slowed down or swallowed
        self._amount = 0.0
        self._cuts: dict[Cut, int] = {}
        self._holds_inserts = False
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    # --- what a scenario says ---

    def become(self, mode: Mode, amount: float = 0.0) -> None:
        """Behave like `mode` from now on; `amount` is seconds of delay, or bytes a second."""
        self._run(self._become(mode, amount))

    def plan(self, cut: Cut, *, times: int) -> None:
        """Cut the next `times` connections that come to this moment."""
        self._cuts[cut] = times

    def unplan(self) -> None:
        """Forget the cuts that did not come about."""
        self._cuts.clear()

    def hold_inserts(self) -> None:
        """Let no INSERT pass its middle until `let_go`; each that comes so far is counted as `held`."""
        self._holds_inserts = True

    def let_go(self) -> None:
        """Let pass what was held."""
        self._holds_inserts = False

    def reset(self) -> None:
        """Reset the connections of this moment; new ones are let through."""
        self._run(self._reset())

    # --- how it is done, on the loop's thread ---

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        assert self._loop
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _become(self, mode: Mode, amount: float) -> None:
        if mode is Mode.CUT:
            self.fired["cut"] += len(self._connections)
        if mode is Mode.CUT or self.mode is Mode.BLACK_HOLE:  # what a black hole held is lost
            await self._reset()
        self.mode, self._amount = mode, amount

    async def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(
            writers=[writer],
            commits=Commits() if self.name.endswith("postgres") else None,
            inserts=Inserts() if self.name.endswith("clickhouse") else None,
        )
        if self.mode is Mode.CUT:
            self.fired["cut"] += 1
            return connection.reset()
        self._connections.add(connection)
        try:
            await self._connect(connection, reader, writer)
        except OSError:
            connection.reset()
        finally:
            self._connections.discard(connection)

    async def _connect(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        connection.writers.append(there_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, there_writer, connection, self._may_go)),
            asyncio.ensure_future(self._pump(there_reader, writer, connection, self._may_come)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for each in connection.writers:
            each.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: Connection,
        may_pass: Callable[[Connection, bytes], bool],
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if not may_pass(connection, data):
                continue
            await self._misbehave(data, writer.drain)
            if connection.inserts and may_pass == self._may_go:
                data = await self._half_of(connection, connection.inserts, data, writer)
            writer.write(data)
            await writer.drain()

    async def _misbehave(self, data: bytes, drain: Callable[[], Awaitable[None]]) -> None:
        if self.mode in (Mode.DELAY, Mode.THROTTLE):
            self.fired[self.mode.name.lower()] += 1
            await asyncio.sleep(self._amount if self.mode is Mode.DELAY else len(data) / self._amount)
        if self.mode is Mode.BLACK_HOLE:  # that may have come about meanwhile
            self.fired["black_hole"] += 1
        while self.mode is Mode.BLACK_HOLE:
            await asyncio.sleep(SLICE_SECONDS)
        await drain()

    async def _half_of(
        self, connection: Connection, inserts: Inserts, data: bytes, writer: asyncio.StreamWriter
    ) -> bytes:
        """Send the first half of an INSERT's body if it is to be cut or held there; return what is to be sent then."""
        middle = inserts.middle_of(data)
        is_cut = middle is not None and self._take(Cut.MID_INSERT)
        if middle is None or not (is_cut or self._holds_inserts):
            return data
        writer.write(data[:middle])
        await writer.drain()
        if is_cut:
            connection.reset()
        else:
            self.fired["held"] += 1
        while self._holds_inserts:
            await asyncio.sleep(SLICE_SECONDS)
        return data[middle:]

    def _may_go(self, connection: Connection, data: bytes) -> bool:
        """Look at what the client sends; false when it must not arrive."""
        if not connection.commits or not connection.commits.sees_commit(data):
            return True
        if self._take(Cut.BEFORE_COMMIT):
            connection.reset()
            return False
        if self._take(Cut.AFTER_COMMIT):
            connection.cut_at_answer = Cut.AFTER_COMMIT
        return True

    def _may_come(self, connection: Connection, data: bytes) -> bool:
        """Look at what the server sends; false when it must not arrive."""
        if self._take(Cut.ANSWER):
            connection.reset()
            return False
        if connection.inserts and connection.inserts.is_answer_due and self._take(Cut.AFTER_INSERT):
            connection.reset()
            return False
        if connection.commits and connection.commits.sees_answer(data) and connection.cut_at_answer:
            connection.reset()
        return connection.cut_at_answer is None

    def _take(self, cut: Cut) -> bool:
        if self._cuts.get(cut, 0) < 1:
            return False
        self._cuts[cut] -= 1
        self.fired[cut.name.lower()] += 1
        return True


class Proxy:
    """The loop, on a thread of its own, that all links run on."""

    def __init__(self) -> None:
        self._links: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def link(self, name: str, *, target_port: int) -> Link:
        """Open a link to `target_port`; a name that ends with `postgres` or `clickhouse` says what is spoken on it."""
        link = Link(name, target_port=target_port)
        asyncio.run_coroutine_threadsafe(link.open(), self._loop).result(10)
        self._links.append(link)
        return link

    def close(self) -> None:
        """Stop at once."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for link in self._links:
            link.server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
