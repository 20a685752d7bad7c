"""A start that is young: who was not seen since has not had the time to be, and that is no finding."""

import contextlib
from datetime import UTC, datetime

from redis import RedisError

from operations.doctor.finding import Finding, ok
from operations.presence import started_at


def so_far(subject: str, what: str) -> Finding | None:
    """Return the note that stands for a finding while the start is young; `what` says who was not seen."""
    with contextlib.suppress(RedisError):
        if started := started_at():
            seconds = max(0, (datetime.now(UTC) - started).seconds)
            return ok(subject, f"LuminaLog was started {seconds} s ago: {what} yet.")
    return None
