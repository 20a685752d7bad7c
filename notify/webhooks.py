"""POST to an address that a user gave, without becoming a way into our own network (OWASP API7, SSRF).

The name is resolved once, every address is checked, and the connection goes to a checked address. No redirects, no
proxies; of the answer only the status is read.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
#: Addresses that lead to an IPv4 address inside an IPv6 one: NAT64 (RFC 6052, RFC 8215).
TRANSLATED = [ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")]

Address = IPv4Address | IPv6Address


class WebhookError(Exception):
    """The webhook was not delivered; the message is fit to be shown."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A checked place to send to."""

    host: str
    port: int
    address: str
    path: str
    is_https: bool


class PinnedConnection(http.client.HTTPConnection):
    """HTTP to the address that was checked, under the name that was asked for."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port)
        self._target = target

    def connect(self) -> None:
        """Connect within `CONNECT_SECONDS`."""
        self.sock = socket.create_connection((self._target.address, self._target.port), CONNECT_SECONDS)
        if self._target.is_https:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)
        self.sock.settimeout(ANSWER_SECONDS)

    def abort(self) -> None:
        """End the connection whatever it is doing."""
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> None:
    """Deliver `body`. Raises: `WebhookError` unless the answer is a success."""
    target = resolve(url)
    connection = PinnedConnection(target)
    watch = threading.Timer(CONNECT_SECONDS + ANSWER_SECONDS, connection.abort)
    watch.start()
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise WebhookError(f"no answer: {type(error).__name__}") from error
    finally:
        watch.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise WebhookError(f"answered {status}")


def resolve(url: str) -> Target:
    """Return where `url` leads. Raises: `WebhookError` when that is no place to send to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookError("not an address") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise WebhookError("not an https:// address")
    is_https = parts.scheme == "https"
    port = port or (443 if is_https else 80)
    addresses = _addresses(parts.hostname, port)
    if not all(_is_allowed(address) for address in addresses):
        if not all(is_public(address) for address in addresses):
            raise WebhookError("leads to an address that is not public")
        if not is_https or port != 443:
            raise WebhookError("must be https on port 443")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=parts.hostname, port=port, address=str(addresses[0]), path=path, is_https=is_https)


def is_public(address: Address) -> bool:
    """Tell whether `address` is one of the internet's, and no disguise of another."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped or address.sixtofour or address.teredo:
            return False
        if any(address in network for network in TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ip_address(sockaddr[0]) for *_, sockaddr in found]
    except (OSError, ValueError, UnicodeError) as error:
        raise WebhookError("the name cannot be resolved") from error


def _is_allowed(address: Address) -> bool:
    return any(address in ip_network(network) for network in settings.WEBHOOK_ALLOWED_NETWORKS)
