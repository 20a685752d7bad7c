"""Validators of the fields that staff type."""

from ipaddress import ip_network

from django.core.exceptions import ValidationError


def validate_network(value: str) -> None:
    """Raise `ValidationError` unless `value` is an IPv4 or IPv6 network in CIDR form, without host bits."""
    try:
        ip_network(value)
    except ValueError as error:
        raise ValidationError(
            "%(value)s is not a network such as 10.0.0.0/8 or 2001:db8::/32.", params={"value": value}
        ) from error
