"""Ignored groups whose time is over: they are unresolved again, at most a minute late."""

from foundation import statements
from foundation.postgres import fetch_all

WAKE = statements.read(__file__, "wake")


def wake() -> int:
    """Wake the ignored groups that are not to be ignored any more; return how many those were."""
    [(woken,)] = fetch_all(WAKE)
    return int(woken)
