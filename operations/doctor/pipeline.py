"""Do batches move, is there room for them, and is anybody about to be refused?"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from accounts.models import ApiKey
from ingest.models import DeadLetter
from ingest.spool import backlog
from ingest.spool.capacity import capacity
from operations.doctor.finding import Finding, error, ok, warning
from operations.presence import beat_seen, workers_seen
from quotas.month import NEAR_QUOTA_PERCENT, count_near_quota

SILENT_AFTER = timedelta(minutes=1)
LATE_SECONDS, VERY_LATE_SECONDS = 15, 60
LITTLE_DISK, TOO_LITTLE_DISK = 0.15, 0.07


def examine() -> Iterator[Finding]:
    """Look at workers, spool, dead letters, keys, quotas and disk; what cannot be asked is left to other findings."""
    for check in (_workers, _beat):
        try:
            yield from check()
        except redis.RedisError:
            yield warning("workers", "Without Valkey nobody knows which workers live.", "Start Valkey.")
            break
    for check in (_spool, _dead_letters, _keys, _quotas):
        try:
            yield from check()
        except (DatabaseError, InterfaceError):
            break  # PostgreSQL's own finding says it
    yield from _disk()


def _workers() -> Iterator[Finding]:
    now, seen = datetime.now(UTC), workers_seen()
    silent = {name: at for name, at in seen.items() if now - at > SILENT_AFTER}
    if len(silent) == len(seen):
        yield error(
            "workers",
            "No worker has run a task in the last minute: batches are accepted and wait.",
            "Start a worker, or see in its log why it reaches no broker; manage.py upkeep --loop helps meanwhile.",
        )
        return
    yield ok("workers", f"{len(seen) - len(silent)} workers were seen in the last minute.")
    for name, at in silent.items():
        yield warning(
            "workers",
            f"{name} was last seen {(now - at).seconds // 60} minutes ago.",
            "Start it again, unless you took it away: it is forgotten after a day.",
        )


def _beat() -> Iterator[Finding]:
    at = beat_seen()
    if at and datetime.now(UTC) - at < SILENT_AFTER:
        yield ok("beat", "Beat was seen in the last minute.")
    else:
        yield error(
            "beat",
            "No task of beat has run in the last minute: partitions, retention, notices and usage stand still.",
            "Start beat; it needs a worker and the broker.",
        )


def _spool() -> Iterator[Finding]:
    spool = backlog.measure()
    what = f"{spool.rows} batches ({spool.bytes} bytes on disk) wait, the oldest for {spool.oldest_seconds:.0f} s."
    do = "See the findings about workers, PostgreSQL and transactions; if all are well, start another worker."
    if spool.oldest_seconds > VERY_LATE_SECONDS:
        yield error("spool", what, do)
    elif spool.oldest_seconds > LATE_SECONDS:
        yield warning("spool", what, do)
    else:
        yield ok("spool", what)
    if full := capacity.look():
        yield error(
            "full",
            f"Batches are refused with 503 backlog_full: {', '.join(sorted(full))} at the limit.",
            "Make room on the disk, or let the drain catch up; it goes on, and batches are taken again by themselves.",
        )


def _dead_letters() -> Iterator[Finding]:
    if count := DeadLetter.objects.count():
        yield warning(
            "dead letters",
            f"The log store refused {count} batches or entries; their bytes are kept.",
            "manage.py dead_letters says why; --replay puts them back.",
        )
    else:
        yield ok("dead letters", "There is none.")


def _keys() -> Iterator[Finding]:
    if count := ApiKey.objects.overheard().count():
        yield error(
            "keys",
            f"{count} keys in force were sent over plain HTTP.",
            "Rotate them: the admin's start page has them.",
        )
    if count := ApiKey.objects.expiring().count():
        yield warning("keys", f"{count} keys expire within 14 days and have no successor.", "Rotate them in the admin.")


def _quotas() -> Iterator[Finding]:
    if count := count_near_quota():
        yield warning(
            "quotas",
            f"{count} organisations have used {NEAR_QUOTA_PERCENT} % of this month's bytes or more.",
            "The admin's Quotas lists them, and when each will be refused.",
        )


def _disk() -> Iterator[Finding]:
    for path in settings.DISK_PATHS:
        try:
            disk = shutil.disk_usage(path)
        except OSError as failure:
            yield warning("disk", f"{path} cannot be looked at: {failure.strerror}.", "Correct LUMINALOG_DISK_PATHS.")
            continue
        free = disk.free / disk.total
        what = f"{free:.0%} of the disk of {path} is free ({disk.free // 2**30} GiB)."
        if free >= LITTLE_DISK:
            yield ok("disk", what)
        else:
            say = error if free < TOO_LITTLE_DISK else warning
            yield say(
                "disk", what, "Make room, or shorten the plans' retention: manage.py partitions shows what takes it."
            )
