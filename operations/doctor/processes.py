"""Do our processes live? As they have noted it in Valkey, on whatever machine they are."""

from collections.abc import Iterator
from datetime import UTC, datetime

import redis
from django.conf import settings

from ingest.syslog import listeners
from operations import vitals
from operations.doctor import young
from operations.doctor.finding import Finding, error, ok, warning


def examine() -> Iterator[Finding]:
    """Look for workers, beat, and those of whom one is enough."""
    for check in (_workers, _beat, _syslog, *(() if settings.CORE_URL else (_tail, _mcp))):
        try:
            yield from check()
        except redis.RedisError:
            yield warning("workers", "Without Valkey nobody knows which workers live.", "Start Valkey.")
            break


def _workers() -> Iterator[Finding]:
    seen = vitals.workers()
    silent = [worker for worker in seen if worker.is_silent]
    if len(silent) == len(seen):
        yield young.so_far("workers", "no worker has run a task") or error(
            "workers",
            "No worker has run a task in the last minute: batches are accepted and wait.",
            "Start a worker, or see in its log why it reaches no broker; bin/luminalog upkeep --loop helps meanwhile.",
        )
        return
    yield ok("workers", f"{len(seen) - len(silent)} workers were seen in the last minute.")
    for worker in silent:
        yield warning(
            "workers",
            f"{worker.name} was last seen {(datetime.now(UTC) - worker.seen_at).seconds // 60} minutes ago.",
            "Start it again, unless you took it away: it is forgotten after a day.",
        )


def _beat() -> Iterator[Finding]:
    if vitals.beat_is_silent():
        yield young.so_far("beat", "no task of beat has run") or error(
            "beat",
            "No task of beat has run in the last minute: partitions, retention, notices and usage stand still.",
            "Start beat; it needs a worker and the broker.",
        )
    else:
        yield ok("beat", "Beat was seen in the last minute.")


def _tail() -> Iterator[Finding]:
    if vitals.tail_is_silent():
        yield young.so_far("tail", "no process of the tail was seen") or warning(
            "tail",
            "No process of the tail has been there in the last minute: live tails wait.",
            "Start the tail; if it runs, its log says why it does not reach Valkey.",
        )
    else:
        yield ok("tail", "A tail was seen in the last minute.")


def _mcp() -> Iterator[Finding]:
    if vitals.mcp_is_silent():
        yield young.so_far("MCP", "no process of MCP was seen") or warning(
            "MCP",
            "LUMINALOG_MCP is on, and no process of MCP has been there in the last minute: its clients get no answer.",
            "Start it: bin/luminalog mcp, which says what is missing. Nowhere wanted? Switch LUMINALOG_MCP off.",
        )
    elif settings.MCP:
        yield ok("MCP", "A process of MCP was seen in the last minute.")


def _syslog() -> Iterator[Finding]:
    if vitals.syslog_is_silent():
        fault = listeners.faults(settings.SYSLOG)  # where nobody listens; elsewhere its files need not be here
        yield young.so_far("syslog", "nobody who listens for syslog was seen") or error(
            "syslog",
            "LUMINALOG_SYSLOG is set, and nobody has listened in the last minute: what senders send by UDP is lost."
            + (f" Here it could not be used: {fault}" if fault else ""),
            "Start it: bin/luminalog syslog, or see in its log why it ends (docs/syslog.md). Nowhere wanted? Unset it.",
        )
    elif settings.SYSLOG:
        yield ok("syslog", "Somebody who listens for syslog was seen in the last minute.")
