"""Numbers and times as people say them."""

from datetime import datetime, timedelta

from django.utils import timezone

STEPS = [(timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")]


def size(number_of_bytes: int) -> str:
    """Write bytes with a binary unit: `1.5 GiB`."""
    amount = float(number_of_bytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:,.4g} TiB"


def count(number: int) -> str:
    """Write a number with thin groups: `12 345`."""
    return f"{number:,}".replace(",", "\u202f")


def ago(moment: datetime) -> str:
    """Say how long ago `moment` was, in its largest unit."""
    span = _span(timezone.now() - moment)
    return f"{span} ago" if span else "just now"


def until(moment: datetime) -> str:
    """Say how far away `moment` is, in its largest unit."""
    span = _span(moment - timezone.now())
    return f"in {span}" if span else "now"


def _span(length: timedelta) -> str:
    for step, name in STEPS:
        if length >= step:
            number = length // step
            return f"{number} {name}{'s' if number > 1 else ''}"
    seconds = int(length.total_seconds())
    return f"{seconds} s" if seconds > 0 else ""
