"""The tail's process as it runs in production, on the test database, and a reader of its events."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from django.db import connections

from embedded.processes import free_port, is_taken, start, stop
from tests.processes import only_child
from tests.waiting import DEADLINE_SECONDS, wait_until


@dataclass
class Event:
    """A server-sent event as a client sees it."""

    id: str
    name: str
    data: Any


@dataclass
class Reader:
    """Reads one stream in a thread until it is closed."""

    response: requests.Response
    events: list[Event] = field(default_factory=list)
    last_event_id: str = ""
    ended: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def messages(self) -> list[str]:
        """The messages of the entries so far."""
        return [event.data["message"] for event in self.events if event.name == "message"]

    def wait_for(self, condition: Callable[["Reader"], bool]) -> None:
        """Wait until `condition` holds of this reader."""
        wait_until(lambda: condition(self), what=lambda: f"after {len(self.events)} events")

    def wait_for_messages(self, *messages: str) -> None:
        """Wait for exactly these messages."""
        self.wait_for(lambda reader: len(reader.messages) >= len(messages))
        assert self.messages == list(messages)

    def hang_up(self) -> None:
        """Close the connection at once: closing the response would wait for the thread's next bytes."""
        if self.ended:
            return
        duplicate = socket.socket(fileno=os.dup(self.response.raw.fileno()))
        with duplicate, suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)
        self.wait_for(lambda reader: reader.ended)

    def _read(self) -> None:
        name, data = "message", ""
        try:
            for read in self.response.iter_lines(chunk_size=65536):
                line = read.decode()
                key, _, value = line.partition(": ")
                if key == "id":
                    self.last_event_id = value
                elif key == "event":
                    name = value
                elif key == "data":
                    data = value
                elif line == "":
                    if data:
                        self.events.append(Event(self.last_event_id, name, json.loads(data)))
                    name, data = "message", ""
        except (requests.RequestException, AttributeError, ValueError):
            pass
        self.ended = True


@dataclass(frozen=True)
class TailProcess:
    """The running process."""

    url: str
    pid: int  # of the process that answers

    def connect(self, key: str) -> socket.socket:
        """Ask for a stream over a bare connection, which takes little that is not read."""
        connected = socket.socket()
        connected.settimeout(DEADLINE_SECONDS)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.connect(("127.0.0.1", int(self.url.rpartition(":")[2])))
        connected.sendall(f"GET /v1/logs/tail HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n\r\n".encode())
        return connected

    def get(self, path: str = "/v1/logs/tail", **kwargs: Any) -> requests.Response:
        """Ask for a stream."""
        return requests.get(self.url + path, stream=True, timeout=DEADLINE_SECONDS, **kwargs)

    @contextmanager
    def listen(self, key: str, query: str = "", *, last_event_id: str = "") -> Iterator[Reader]:
        """Open a stream by API key and wait until it has begun."""
        headers = {"x-api-key": key} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        with self.get(params={"query": query}, headers=headers) as response:
            assert response.status_code == 200, response.text
            reader = Reader(response)
            reader.wait_for(lambda reader: any(event.name == "hello" for event in reader.events))
            try:
                yield reader
            finally:
                reader.hang_up()


@contextmanager
def running_tail(application: str = "luminalog.asgi", **environment: str) -> Iterator[TailProcess]:
    """Run the process on the database of this test run."""
    port = free_port()
    database = connections["default"].settings_dict
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port)]
    process = start(
        [*command, "--workers", "1", "--log-level", "warning", f"{application}:application"],
        env=os.environ
        | {"DATABASE_URL": f"{url}/{database['NAME']}", "VALKEY_KEY_PREFIX": f"ll:tail-{port}:"}
        | environment,
        output=subprocess.DEVNULL,
        last_signal=signal.SIGKILL,
    )
    try:
        wait_until(lambda: _listens(process, port), what="the tail")
        yield TailProcess(f"http://127.0.0.1:{port}", pid=only_child(process.pid))
    finally:
        stop(process, how=signal.SIGTERM, timeout_seconds=5)


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "the tail ended at once"
    return is_taken(port)
