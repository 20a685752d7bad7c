"""How tests wait: for a condition that something else brings about, never for a time.

The deadline ends a test that would hang. It proves nothing, so it is as long as the busiest machine needs.
"""

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_SECONDS = 120.0
#: Between two looks, of which each may cost a connection: longer, the longer it takes.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.1

Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found | None],
    *,
    what: str | Callable[[], object] = "what was waited for",
    seconds: float = DEADLINE_SECONDS,
) -> Found:
    """Return the first true thing that `condition` returns; fail with `what` when there is none for too long."""
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        if waited > seconds:
            told = what if isinstance(what, str) else str(what())[-6000:]
            raise AssertionError(f"not within {seconds:g} s: {told}")
        time.sleep(min(PAUSE_SECONDS + waited / 20, LONGEST_PAUSE_SECONDS))
    return found


def wait_until_none(
    left: Callable[[], int], *, what: str | Callable[[], object], seconds: float = DEADLINE_SECONDS
) -> None:
    """Return when nothing is `left`, however long that takes; fail with `what` when it no longer becomes less."""
    while least := left():
        wait_until(lambda least=least: left() < least, what=what, seconds=seconds)  # type: ignore[misc]
