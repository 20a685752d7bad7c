"""Speaking to ClickHouse by HTTP as one user: to one replica at a time, to the next one when it is away.

What is sent is never sent again by itself: whoever writes decides that, with the same token.
"""

import re
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from clickhouse_connect import common
from clickhouse_connect.driver import create_client
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.httputil import get_pool_manager

from storage.clickhouse.address import Address
from storage.clickhouse.errors import TROUBLE, code_of

CONNECT_SECONDS = 2
#: On top of what a statement may take, until the socket is given up.
GRACE_SECONDS = 2.5
#: Of a statement that says nothing else.
SECONDS = 30.0
#: Sockets are given up after one of these, and `GRACE_SECONDS`.
PATIENCE_SECONDS = (5.0, 15.0, 60.0, 120.0, 3600.0)
#: Members of a list that are sent as one value: of more than 128 KiB none is taken, however large a request may be.
LISTED = 5_000
#: Threads of a process share them.
CONNECTIONS = 32

common.set_setting("invalid_setting_action", "send")  # a setting that a server does not know is its error, not lost
common.set_setting("autogenerate_session_id", False)  # statements of several threads at once
Row = tuple[Any, ...]
T = TypeVar("T")


class Server:
    """The replicas at an address. `names_database` unless statements do that themselves: there may be none yet."""

    def __init__(self, address: Address, *, names_database: bool = True) -> None:
        self.address = address
        self._names_database = names_database
        self._at = 0
        self._clients: dict[float, Client] = {}
        self._lock = threading.Lock()

    def rows(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
    ) -> list[Row]:
        """Run one statement and return its rows. Raises: `errors.TROUBLE`."""
        with closing(self.stream(sql, parameters, settings=settings, seconds=seconds)) as rows:
            return list(rows)

    def stream(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
    ) -> Generator[Row]:
        """Run one statement and yield its rows, a block of them in memory at a time; who leaves early ends it."""
        sql, bound = _sent(sql, parameters)
        with self._asked(
            lambda client, settings: client.query_rows_stream(sql, bound, settings), settings, seconds
        ) as rows:
            yield from rows

    def run(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Run a statement that returns nothing; parameters are in the request's body. Raises: `errors.TROUBLE`."""
        sql, bound = _sent(sql, parameters)
        self._asked(lambda client, settings: client.raw_query(sql, bound, settings), settings, seconds)

    def insert(
        self,
        sql: str,
        body: bytes,
        parameters: Mapping[str, Any],
        *,
        settings: Mapping[str, Any],
        seconds: float,
    ) -> None:
        """Send `body` to an INSERT that ends with its FORMAT. Raises: `errors.TROUBLE`."""
        sql, bound = _sent(sql, parameters)
        self._asked(lambda client, settings: client.command(sql, bound, body, settings), settings, seconds)

    def close(self) -> None:
        """Forget the connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _asked(
        self, ask: Callable[[Client, dict[str, Any]], T], settings: Mapping[str, Any] | None, seconds: float
    ) -> T:
        limits = {"max_execution_time": max(0.1, round(seconds, 3)), "timeout_overflow_mode": "throw"}
        try:
            return ask(self._connected(seconds), {**limits, **(settings or {})})
        except TROUBLE as error:
            if code_of(error) is None:
                self._move_on()
            raise

    def _connected(self, seconds: float) -> Client:
        """Return the client whose socket is patient enough: they differ in that alone."""
        patience = next((some for some in PATIENCE_SECONDS if some >= seconds), PATIENCE_SECONDS[-1])
        with self._lock:
            if patience not in self._clients:
                self._clients[patience] = self._connect(patience)
            return self._clients[patience]

    def _connect(self, patience: float) -> Client:
        host, port = self.address.hosts[self._at % len(self.address.hosts)]
        client = create_client(
            host=host,
            port=port,
            username=self.address.user,
            password=self.address.password,
            interface="https" if self.address.is_secure else "http",
            ca_cert=self.address.ca_cert or None,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=round(patience + GRACE_SECONDS),
            query_retries=0,
            query_limit=0,
            form_encode_query_params=True,
            pool_mgr=get_pool_manager(maxsize=CONNECTIONS, num_pools=2, ca_cert=self.address.ca_cert or None),
        )
        client.database = self.address.database if self._names_database else None  # to connect does not need it
        return client

    def _move_on(self) -> None:
        """Ask the next replica from now on."""
        with self._lock:
            self._at += 1
            self._clients = {}


def _sent(sql: str, parameters: Mapping[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    """Return a statement and its parameters as they are sent: long lists in pieces; texts as bytes, each escaped."""
    bound: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        if isinstance(value, list) and len(value) > LISTED:
            pieces = {f"{name}_{start}": value[start : start + LISTED] for start in range(0, len(value), LISTED)}
            sql = re.sub(rf"\{{{name}:(.+?)\}}", partial(_joined, pieces), sql)
            bound |= pieces
        else:
            bound[name] = value.encode() if isinstance(value, str) else value
    return sql, bound or None


def _joined(names: Iterable[str], list_: re.Match[str]) -> str:
    return f"arrayConcat({', '.join(f'{{{name}:{list_[1]}}}' for name in names)})"
