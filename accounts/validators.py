"""Validators of the fields that staff type."""

import re
from ipaddress import ip_network

from django.core.exceptions import ValidationError

#: As browsers write it (RFC 6454, section 6.2); the host may begin with a wildcard, or be an IPv6 address in brackets.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_NEEDLESS_PORTS = re.compile(r"http://.*:80|https://.*:443")


def validate_origin(value: str) -> None:
    """Raise `ValidationError` unless `value` is an origin as browsers send it, or one for all hosts below a domain."""
    if not _ORIGIN.fullmatch(value) or _NEEDLESS_PORTS.fullmatch(value):
        raise ValidationError(
            "%(value)s is not an origin such as https://shop.example, https://*.shop.example or http://localhost:3000.",
            params={"value": value},
        )


def validate_network(value: str) -> None:
    """Raise `ValidationError` unless `value` is an IPv4 or IPv6 network in CIDR form, without host bits."""
    try:
        ip_network(value)
    except ValueError as error:
        raise ValidationError(
            "%(value)s is not a network such as 10.0.0.0/8 or 2001:db8::/32.", params={"value": value}
        ) from error
