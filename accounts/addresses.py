"""The address a request came from, seen through as many proxies as the operator trusts."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Protocol

from django.conf import settings

UNKNOWN = "0.0.0.0"  # noqa: S104 - not bound to: the answer for a server on a Unix socket without a proxy


class HasMeta(Protocol):
    """A request of Django's or of DRF's."""

    META: dict[str, Any]


def client_address(request: HasMeta) -> str:
    """Return the caller's address: the peer's, or the one the outermost of `TRUSTED_PROXIES` proxies has written.

    Each proxy appends its peer to X-Forwarded-For, so with n trusted proxies only the last n entries can be believed.
    """
    trusted = settings.TRUSTED_PROXIES
    if trusted and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
        entries = forwarded.split(",")[-trusted:]
        if found := parse(entries[0]):
            return str(found)
    return str(parse(request.META.get("REMOTE_ADDR", "")) or UNKNOWN)


def client_network(request: HasMeta) -> str:
    """Return the caller's address, or its /64 when it is IPv6."""
    address = client_address(request)
    return str(network_of(address)) if ":" in address else address


def network_of(address: str) -> IPv4Network | IPv6Network:
    """Return what one subscriber has: an IPv4 address, or an IPv6 address's /64."""
    return ip_network(f"{address}/64" if ":" in address else address, strict=False)


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """Read one address as proxies write it: perhaps in brackets, with a port or a zone. IPv4 in IPv6 becomes IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
