"""What a block of code asks of Valkey, counted in its own thread: what others do meanwhile does not count."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from redis.connection import Connection


@dataclass(frozen=True)
class RoundTrip:
    """What was sent at once: the name of its first command, and how long the answer may take."""

    name: str
    timeout_seconds: float | None


@contextmanager
def round_trips() -> Iterator[list[RoundTrip]]:
    """Collect what this thread sends to Valkey by redis-py; what a script calls inside Valkey is no round trip.

    A new connection is one, called `connect`, whatever it says to begin with.
    """
    sent: list[RoundTrip] = []
    connecting: list[Any] = []
    thread = threading.get_ident()
    send, connect = Connection.send_packed_command, Connection.connect_check_health

    def note(connection: Any, name: str) -> None:
        if threading.get_ident() == thread and connection not in connecting:
            sent.append(RoundTrip(name, connection.socket_timeout))

    def noted_send(connection: Any, command: Any, check_health: bool = True) -> None:
        packed = list(command)
        if not connection._sock:
            noted_connect(connection, check_health=False)
        note(connection, b"".join(packed).split(b"\r\n")[2].decode())
        send(connection, packed, check_health)

    def noted_connect(connection: Any, *arguments: Any, **options: Any) -> None:
        if not connection._sock:
            note(connection, "connect")
        connecting.append(connection)
        try:
            connect(connection, *arguments, **options)
        finally:
            connecting.remove(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "send_packed_command", noted_send)
        patch.setattr(Connection, "connect_check_health", noted_connect)
        yield sent
