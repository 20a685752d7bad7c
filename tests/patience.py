"""The product, patient: what it gives others within a request a busy machine misses. Most tests are of what is right.

Tests of these times themselves take the product's own from here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from assist import evidence, looked_at
from foundation import postgres, threads, valkey
from ingest import express
from ingest.spool import group_commit
from storage.postgres import reads
from tests.waiting import DEADLINE_SECONDS

#: For PostgreSQL, for Valkey, and for Valkey as Django's cache.
POSTGRESQL_SECONDS, VALKEY_SECONDS = postgres.DEADLINE_SECONDS, valkey.TIMEOUT_SECONDS
CACHE_OPTIONS = dict(settings.CACHES["default"]["OPTIONS"])
LOCK_TIMEOUT = "lock_timeout=2s"
#: Where the first stands.
MODULES = (postgres, reads, express, group_commit)


def be_patient() -> None:
    """Have this process wait for PostgreSQL, its locks, Valkey, evidence and its own threads as long as a test does."""
    for module in MODULES:
        module.DEADLINE_SECONDS = DEADLINE_SECONDS  # type: ignore[attr-defined]
    for begin_anew in (express._begin_anew, group_commit._begin_anew):
        begin_anew()
    lock = f"lock_timeout={DEADLINE_SECONDS:.0f}s"
    for database in settings.DATABASES.values():
        options = database["OPTIONS"]
        options["connect_timeout"] = round(DEADLINE_SECONDS)
        options["options"] = options["options"].replace(LOCK_TIMEOUT, lock).replace("=60s", "=600s")
    valkey.TIMEOUT_SECONDS = valkey.PATIENT_SECONDS = DEADLINE_SECONDS
    for client in (valkey.client, valkey.patient_client):
        client.cache_clear()
    settings.CACHES["default"]["OPTIONS"] |= dict.fromkeys(CACHE_OPTIONS, DEADLINE_SECONDS)
    threads.LAST_WORK_SECONDS = DEADLINE_SECONDS
    for gathering in (looked_at, evidence):
        gathering.PART_SECONDS = gathering.ALL_SECONDS = DEADLINE_SECONDS  # type: ignore[attr-defined]


@contextmanager
def locks_in_time(alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Have this thread's connection wait for a lock no longer than the product does."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT.partition('=')[2]}'")
    try:
        yield
    finally:
        connections[alias].close()
