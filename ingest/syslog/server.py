"""The sockets: datagrams and streams in, and to whom each message belongs."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import structlog
from django.db import DatabaseError, InterfaceError, connections

from foundation.expiring import Expiring
from ingest.protocols.syslog import Heard, key_of
from ingest.syslog import metrics
from ingest.syslog.framing import MOST_BYTES, Framing
from ingest.syslog.handing_over import is_usable
from ingest.syslog.listeners import Listener, SettingError
from ingest.syslog.waiting import Bearer, Waiting

log = structlog.get_logger(__name__)

#: Batches that are handed over at the same time; each thread keeps a connection to PostgreSQL.
THREADS = 4
MOST_CONNECTIONS, MOST_OF_AN_ADDRESS = 1_000, 100
READ_BYTES = 2**16
#: What the kernel is asked to hold of datagrams while we are busy; it may hold less.
DATAGRAMS_BYTES = 8 * 2**20
HANDSHAKE_SECONDS = 10.0
#: A silent connection is asked whether it lives after so long, and then every so often; after three times it is closed.
SILENT_SECONDS, ASK_SECONDS, MOST_ASKED = 60, 20, 3
#: How long what is left at the end is tried.
LAST_SECONDS = 5.0
WATCH_SECONDS = 1.0
#: For how long a key in a message is known to be somebody's, or nobody's.
KNOWN_SECONDS, MOST_KNOWN = 10.0, 10_000
#: Datagrams whose key has to be looked for first.
MOST_LOOKED_FOR = 100


class Server:
    """Listens until it is told to stop; then what was heard is handed over."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.ports: list[int] = []  # of the listeners, in their order: where one has 0, the kernel's
        self._listeners = listeners
        self._threads = ThreadPoolExecutor(THREADS, "syslog")
        self._open: list[asyncio.DatagramTransport | asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: Counter[str] = Counter()  # connections of addresses
        self._usable: Expiring[str, bool] = Expiring(capacity=MOST_KNOWN)
        self._waiting = Waiting(self._threads)

    async def run(self, stop: asyncio.Event, *, ready: asyncio.Event | None = None) -> None:
        """Listen until `stop`. Raises: `SettingError` where an address cannot be had."""
        try:
            for listener in self._listeners:
                await self._listen(listener)
            log.info("syslog_listens", at=[listener.name for listener in self._listeners])
            if ready:
                ready.set()
            while not stop.is_set():
                metrics.WAITS_SINCE.set(self._waiting.refused_seconds())
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
        finally:
            await self._end()

    async def _listen(self, listener: Listener) -> None:
        try:
            opened = await (self._datagrams(listener) if listener.transport == "udp" else self._connections(listener))
        except OSError as error:
            raise SettingError(f"{listener.name} cannot be listened at: {error.strerror or error}.") from error
        self._open.append(opened)
        name = (
            opened.sockets[0].getsockname() if isinstance(opened, asyncio.Server) else opened.get_extra_info("sockname")
        )
        self.ports.append(name[1])

    async def _datagrams(self, listener: Listener) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self, listener), local_addr=(listener.host, listener.port)
        )
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAMS_BYTES)
        return transport

    async def _connections(self, listener: Listener) -> asyncio.Server:
        return await asyncio.start_server(
            lambda reader, writer: self._serve(listener, reader, writer),
            listener.host,
            listener.port,
            limit=READ_BYTES,
            ssl=listener.context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if listener.context else None,
        )

    def heard(self, listener: Listener, source: str, datagram: bytes) -> None:
        """Take a datagram, or drop it."""
        metrics.HEARD.labels(listener.transport).inc()
        message = datagram[:MOST_BYTES].rstrip(b"\r\n\0")
        key = key_of(message)
        if key is None or self._usable.get(key) is not None:
            self._offer(self._bearer(listener, source, key), Heard(source=source, message=message))
        elif len(self._tasks) - self._streams.total() < MOST_LOOKED_FOR:
            self._keep_task(asyncio.create_task(self._offer_later(listener, source, key, message)))
        else:
            metrics.DROPPED.labels("overloaded").inc()

    async def _offer_later(self, listener: Listener, source: str, key: str, message: bytes) -> None:
        await self._look_for(key, source)
        self._offer(self._bearer(listener, source, key), Heard(source=source, message=message))

    def _offer(self, bearer: Bearer | None, heard: Heard) -> None:
        reason = self._waiting.offer(bearer, heard) if bearer else "invalid_api_key"
        if reason:
            metrics.DROPPED.labels(reason).inc()

    async def _serve(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a connection to its end: no faster than what it brings can be kept."""
        source = _address(writer.get_extra_info("peername"))
        reason = self._reason_to_refuse(listener, source)
        if reason:
            metrics.REFUSED_CONNECTIONS.labels(reason).inc()
            writer.close()
            return
        task = asyncio.current_task()
        assert task
        self._keep_task(task)
        self._streams[source] += 1
        metrics.CONNECTIONS.inc()
        try:
            _ask_the_silent(writer.get_extra_info("socket"))
            await self._read(listener, source, reader)
        except (OSError, asyncio.CancelledError):  # it broke, or we end
            pass
        finally:
            metrics.CONNECTIONS.dec()
            self._streams -= Counter([source])
            writer.close()

    def _reason_to_refuse(self, listener: Listener, source: str) -> str | None:
        if self._waiting.is_ending:
            return "stopped"
        if self._streams.total() >= MOST_CONNECTIONS or self._streams[source] >= MOST_OF_AN_ADDRESS:
            return "too_many"
        return "no_key" if listener.keys and listener.keys.of(source) is None else None

    async def _read(self, listener: Listener, source: str, reader: asyncio.StreamReader) -> None:
        framing, cut = Framing(), 0
        while data := await reader.read(READ_BYTES):
            await self._put(listener, source, framing.feed(data))
            metrics.CUT.inc(framing.cut - cut)
            cut = framing.cut
        await self._put(listener, source, framing.end())

    async def _put(self, listener: Listener, source: str, messages: Sequence[bytes]) -> None:
        metrics.HEARD.labels(listener.transport).inc(len(messages))
        for message in messages:
            key = key_of(message)
            if key is not None and self._usable.get(key) is None:
                await self._look_for(key, source)
            if bearer := self._bearer(listener, source, key):
                await self._waiting.put(bearer, Heard(source=source, message=message))
            else:
                metrics.DROPPED.labels("invalid_api_key").inc()

    def _bearer(self, listener: Listener, source: str, key: str | None) -> Bearer | None:
        """Return whose a message is: of the key in it, if that is somebody's, else of its sender's network."""
        if key is None or not self._usable.get(key):
            key = listener.keys.of(source) if listener.keys else None
        return Bearer(key, listener.zone) if key else None

    async def _look_for(self, key: str, source: str) -> None:
        """Find out whether a key is somebody's; while PostgreSQL does not answer, we wait."""
        while True:
            try:
                found = await asyncio.get_running_loop().run_in_executor(
                    self._threads, lambda: is_usable(key, source=source)
                )
            except (DatabaseError, InterfaceError):
                await asyncio.sleep(WATCH_SECONDS)
                continue
            self._usable.put(key, found, until=time.monotonic() + KNOWN_SECONDS)
            return

    def _keep_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        for opened in self._open:
            opened.close()
        for task in list(self._tasks):
            task.cancel()
        await self._waiting.end(seconds=LAST_SECONDS)
        together = Barrier(THREADS)
        for _ in range(THREADS):  # each of them waits for the others, so that each has one
            self._threads.submit(_hang_up, together)
        self._threads.shutdown(wait=False)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server, listener: Listener) -> None:
        self._server = server
        self._listener = listener

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.heard(self._listener, _address(addr), data)


def _hang_up(together: Barrier) -> None:
    """End this thread's sessions, when all are here or it takes too long."""
    with suppress(BrokenBarrierError):
        together.wait(LAST_SECONDS)
    connections.close_all()


def _address(peer: tuple[str, int] | None) -> str:
    """Return a sender's address without its zone; IPv4 in IPv6 becomes IPv4."""
    address = (peer or ("0.0.0.0",))[0].partition("%")[0]  # noqa: S104 - not bound to
    return address.removeprefix("::ffff:") if "." in address else address


def _ask_the_silent(connection: socket.socket) -> None:
    """Have the kernel end connections whose other end is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("IDLE", SILENT_SECONDS), ("INTVL", ASK_SECONDS), ("CNT", MOST_ASKED)):
        if number := getattr(socket, f"TCP_KEEP{option}", None):
            connection.setsockopt(socket.IPPROTO_TCP, number, value)
