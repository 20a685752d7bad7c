"""POST to an address that a user gave, without becoming a way into our own network (OWASP API7, SSRF).

The name is resolved once, every address is checked, and the connection goes to a checked address. No redirects, no
proxies; of the answer only the status is read, and of a refusal when to come again. What operators themselves set up
goes by `resolve_own`.
"""

import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
#: Of a body that may say when to come again.
LITTLE_BYTES = 4_096
TOO_MANY_REQUESTS = 429

Address = IPv4Address | IPv6Address

#: All that is given out of IPv6 (IANA, "IPv6 Global Unicast Address Assignments"). Outside of it are the old and new
#: ways to write an IPv4 address (mapped, compatible, SIIT, NAT64), site-local, segment routing and clouds' metadata.
GIVEN_OUT = ip_network("2000::/3")
#: What is not for strangers to reach: IANA's special-purpose registries, and what clouds answer themselves at addresses
#: that look like anybody's. Ours and not `ipaddress`'s, which knows more or less with each version of Python.
SPECIAL = [
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation
        "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",  # AS112, AMT, 6to4's relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "168.63.129.16/32",  # Azure: the machine's host
        "161.26.0.0/16", "166.8.0.0/14",  # IBM: services behind the machine
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16", "2620:4f:8000::/48", "3ffe::/16",  # 6to4, AS112, 6bone
    )
]  # fmt: skip
#: Where operators have machines of their own.
PRIVATE = [
    ip_network(network)
    for network in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
    )
]  # fmt: skip
#: Of an interface that stands for an IPv4 address (ISATAP, RFC 5214, section 6.1), but for the bit that varies.
ISATAP = 0x00005EFE


class WebhookError(Exception):
    """The webhook was not delivered, in words fit to be shown; where it was answered, how, and when to come again."""

    def __init__(self, reason: str, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_after_seconds = status, retry_after_seconds


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

    def __init__(self, target: Target, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._answer_seconds = answer_seconds

    def connect(self) -> None:
        """Connect within `CONNECT_SECONDS`."""
        self.sock = socket.create_connection((self._target.address, self._target.port), CONNECT_SECONDS)
        if self._target.is_https:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)
        self.sock.settimeout(self._answer_seconds)

    def abort(self) -> None:
        """End the connection whatever it is doing."""
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> int:
    """Deliver `body`; return the status. Raises: `WebhookError` unless the answer is a success."""
    target = resolve(url)
    connection = PinnedConnection(target)
    watch = threading.Timer(CONNECT_SECONDS + ANSWER_SECONDS, connection.abort)
    watch.start()
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        retry_after = _retry_after(answer)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise WebhookError(f"no answer: {type(error).__name__}") from error
    finally:
        watch.cancel()
        connection.close()
    if not 200 <= answer.status < 300:
        raise WebhookError(f"answered {answer.status}", status=answer.status, retry_after_seconds=retry_after)
    return answer.status


def _retry_after(answer: http.client.HTTPResponse) -> float | None:
    """Return in how many seconds a refused caller may come again (RFC 9110, 10.2.3; Discord says it in the body)."""
    given = answer.headers.get("Retry-After", "").strip()
    if not given and answer.status == TOO_MANY_REQUESTS:
        given = _said_in(answer.read(LITTLE_BYTES))
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given, re.ASCII):
        return float(given)
    try:
        return max((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _said_in(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(said.get("retry_after", "")) if isinstance(said, dict) else ""


def resolve(url: str) -> Target:
    """Return where `url` leads. Raises: `WebhookError` when that is no place to send to."""
    target, addresses = _located(url)
    if not all(_is_allowed(address) for address in addresses):
        if not all(is_public(address) for address in addresses):
            raise WebhookError("leads to an address that is not public")
        if not target.is_https or target.port != 443:
            raise WebhookError("must be https on port 443")
    return target


def resolve_own(url: str, *, may_be_public: bool) -> Target:
    """Return where an address in the operator's settings leads: to private networks; by https beyond, if it may be.

    Raises: `WebhookError`.
    """
    target, addresses = _located(url)
    if not all(any(address in network for network in PRIVATE) for address in addresses):
        if not may_be_public:
            raise WebhookError("leads out of private networks")
        if not target.is_https:
            raise WebhookError("must be https, for it leads out of private networks")
    return target


def _located(url: str) -> tuple[Target, list[Address]]:
    """Return where `url` leads, and all addresses of the name, of which the first is taken."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookError("not an address") from error
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme not in ("https", "http") or "@" in parts.netloc or not host or "%" in host or port == 0:
        raise WebhookError("not an https:// address")
    is_https = parts.scheme == "https"
    port = port or (443 if is_https else 80)
    addresses = _addresses(host, port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=host, port=port, address=str(addresses[0]), path=path, is_https=is_https), addresses


def is_public(address: Address) -> bool:
    """Tell whether `address` is one of the internet's, and no disguise of another."""
    if isinstance(address, IPv6Address):
        is_isatap = int(address) >> 32 & 0xFDFFFFFF == ISATAP
        if address not in GIVEN_OUT or address.scope_id or is_isatap:
            return False
    return not any(address in network for network in SPECIAL)


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ip_address(sockaddr[0]) for *_, sockaddr in found]
    except (OSError, ValueError, UnicodeError) as error:
        raise WebhookError("the name cannot be resolved") from error


def _is_allowed(address: Address) -> bool:
    return any(address in ip_network(network) for network in settings.WEBHOOK_ALLOWED_NETWORKS)
