"""Which workers live, and whether others do of which one is enough: noted in Valkey for operators, and nothing else."""

import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import RedisError

from foundation import valkey
from foundation.threads import Background

NOTE_EVERY_SECONDS = 10.0
FORGET_AFTER = timedelta(hours=24)
#: So long after a start it is no wonder that somebody was not seen yet.
YOUNG_FOR = timedelta(minutes=1)
WORKERS = "workers"
BEAT = "beat"
TAIL = "tail"
MCP = "mcp"
SYSLOG = "syslog"
STARTED = "started"

#: Of processes that run no tasks.
tail_thread = Background("presence", lambda: note_tail(), every=NOTE_EVERY_SECONDS)
mcp_thread = Background("presence", lambda: note_mcp(), every=NOTE_EVERY_SECONDS)
syslog_thread = Background("presence", lambda: note_syslog(), every=NOTE_EVERY_SECONDS)

_next_note = 0.0


def note_worker(*, task: Any, **_: Any) -> None:
    """Note the worker that has just run `task`: Celery's signal `task_postrun`. The drain runs every second."""
    global _next_note
    if time.monotonic() >= _next_note:
        _next_note = time.monotonic() + NOTE_EVERY_SECONDS
        with contextlib.suppress(RedisError):
            valkey.client().hset(valkey.key(WORKERS), task.request.hostname, str(time.time()))


def note_start() -> None:
    """Note that processes are about to start."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(STARTED), str(time.time()), ex=YOUNG_FOR)


def note_beat() -> None:
    """Note that a task of beat's has run."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(BEAT), str(time.time()), ex=FORGET_AFTER)


def note_tail() -> None:
    """Note that a process of the tail lives."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(TAIL), str(time.time()), ex=FORGET_AFTER)


def note_mcp() -> None:
    """Note that a process of MCP lives."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(MCP), str(time.time()), ex=FORGET_AFTER)


def note_syslog() -> None:
    """Note that a process that listens for syslog lives."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(SYSLOG), str(time.time()), ex=FORGET_AFTER)


def started_at() -> datetime | None:
    """Return when the start was, while it is young. Raises: `RedisError`."""
    return _seen(STARTED)


def beat_seen() -> datetime | None:
    """Return when a task of beat's ran last, if within a day. Raises: `RedisError`."""
    return _seen(BEAT)


def tail_seen() -> datetime | None:
    """Return when a process of the tail was there last, if within a day. Raises: `RedisError`."""
    return _seen(TAIL)


def mcp_seen() -> datetime | None:
    """Return when a process of MCP was there last, if within a day. Raises: `RedisError`."""
    return _seen(MCP)


def syslog_seen() -> datetime | None:
    """Return when a process that listens for syslog was there last, if within a day. Raises: `RedisError`."""
    return _seen(SYSLOG)


def _seen(name: str) -> datetime | None:
    at: bytes | None = valkey.client().get(valkey.key(name))  # type: ignore[assignment]  # decodes nothing
    return datetime.fromtimestamp(float(at), UTC) if at else None


def workers_seen() -> dict[str, datetime]:
    """Return when each worker of the last day was seen last. Raises: `RedisError`."""
    hash_name, now = valkey.key(WORKERS), datetime.now(UTC)
    noted: dict[bytes, bytes] = valkey.client().hgetall(hash_name)  # type: ignore[assignment]  # decodes nothing
    seen = {name.decode(): datetime.fromtimestamp(float(at), UTC) for name, at in noted.items()}
    for name in [name for name, at in seen.items() if now - at > FORGET_AFTER]:
        valkey.client().hdel(hash_name, name)
        del seen[name]
    return dict(sorted(seen.items()))
