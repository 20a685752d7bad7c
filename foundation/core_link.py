"""An edge's link to its core: one kept-alive connection, one request at a time, each with a deadline as a whole."""

import http.client
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

CONNECT_SECONDS = 5.0
UNREADABLE = "the token file cannot be read: see LUMINALOG_EDGE_TOKEN_FILE"


class LinkError(Exception):
    """The core did not answer, or refused; `status` is its answer's, if there was one, and `body` what it said."""

    def __init__(
        self, reason: str, *, status: int | None = None, body: bytes = b"", retry_after_seconds: float = 0
    ) -> None:
        super().__init__(reason)
        self.status, self.body, self.retry_after_seconds = status, body, retry_after_seconds


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the core has answered, 200 or 304."""

    status: int
    body: bytes


class CoreLink:
    """A connection to the core that `CORE_URL` names, opened when it is needed. Threads wait for each other."""

    def __init__(self, *, seconds: float = 20.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answered:
        """Ask the core. Raises: `LinkError`."""
        return self._ask("GET", path, None, headers or {})

    def post(self, path: str, body: bytes, *, media_type: str = "application/json") -> Answered:
        """Send the core `body`, once: it is not repeated here. Raises: `LinkError`."""
        return self._ask("POST", path, body, {"Content-Type": media_type})

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answered:
        with self._lock:
            try:
                return self._exchange(method, path, body, {**headers, "Authorization": f"Bearer {token()}"})
            except LinkError:
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._hang_up()
                raise LinkError(f"no answer: {type(error).__name__}") from error

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answered:
        connection = self._connected()
        watch = threading.Timer(self._seconds, _abort, [connection])
        watch.start()
        try:
            connection.request(method, urlsplit(settings.CORE_URL).path + path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            said = answer.read()
        finally:
            watch.cancel()
        if answer.will_close:
            self._hang_up()
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            raise LinkError(
                f"answered {answer.status}", status=answer.status, body=said, retry_after_seconds=_seconds_in(answer)
            )
        return Answered(status=answer.status, body=said)

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection; one on which the core has hung up, or talks unasked, is not used again."""
        if self._connection and self._connection.sock and _is_readable(self._connection):
            self._hang_up()
        if self._connection is None:
            self._connection = _connection_to(settings.CORE_URL, seconds=self._seconds)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def token() -> str:
    """Return this edge's token: the last word of its file. Raises: `LinkError` when there is none."""
    try:
        words = Path(settings.EDGE_TOKEN_FILE).read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise LinkError(UNREADABLE) from error
    if not words:
        raise LinkError(UNREADABLE)
    return words[-1]


def fault_in_url(url: str, *, is_development: bool) -> str:
    """Tell what is wrong with a core's address; empty when nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "The core's address begins with https://, as in edge+https://core.example.com."
    if parts.username or parts.query or parts.fragment:
        return "The core's address is a name, perhaps a port and a path: nothing else."
    if parts.scheme == "http" and not (is_development and _is_loopback(parts.hostname)):
        return "Plain HTTP to a core is accepted in development, on this machine only: use https."
    return ""


def _connection_to(url: str, *, seconds: float) -> http.client.HTTPConnection:
    if fault := fault_in_url(url, is_development=settings.DEVELOPMENT):
        raise LinkError(fault)
    parts = urlsplit(url)
    assert parts.hostname
    patience = min(CONNECT_SECONDS, seconds)
    if parts.scheme == "http":
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience)
    else:
        context = ssl.create_default_context(cafile=settings.EDGE_CA_FILE or None)
        if settings.EDGE_CERTIFICATE_FILE:
            context.load_cert_chain(settings.EDGE_CERTIFICATE_FILE)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=patience, context=context)
    connection.connect()
    connection.sock.settimeout(seconds)
    return connection


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_readable(connection: http.client.HTTPConnection) -> bool:
    return bool(select.select([connection.sock], [], [], 0)[0])


def _abort(connection: http.client.HTTPConnection) -> None:
    if connection.sock:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _seconds_in(answer: http.client.HTTPResponse) -> float:
    said = answer.headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdecimal() else 0.0
