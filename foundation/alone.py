"""Work that one process does at a time, whichever comes first: an advisory lock of PostgreSQL's, for a session."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from foundation.postgres import fetch_all


@contextmanager
def alone(work: str) -> Iterator[bool]:
    """Tell whether nobody else does `work`, and keep others from it meanwhile; it ends with the connection, too."""
    [(is_alone,)] = fetch_all("SELECT pg_try_advisory_lock(hashtext(%s))", [work])
    try:
        yield bool(is_alone)
    finally:
        if is_alone and connection.is_usable():
            fetch_all("SELECT pg_advisory_unlock(hashtext(%s))", [work])
