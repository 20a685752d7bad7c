"""Counts and times as people say them; for bytes see `luminalog.sizes`."""

from datetime import datetime, timedelta

from django.utils import timezone

STEPS = [(timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")]


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
