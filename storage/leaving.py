"""Who takes entries out of a log store of its own, and who has nobody do so while it is backed up.

What PostgreSQL's backup has a receipt for is to be in the store's, which is taken after it: so in between nothing
leaves. A store that PostgreSQL's own backup holds needs none of this.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, InterfaceError

from foundation.postgres import execute, fetch_all
from storage.errors import Unavailable
from storage.store import BackupFailed, store

#: Of whoever deletes, many at once; and of who has them wait. Nobody queues up: see `nothing_leaves`.
_NAME = "hashtext('storage.leaving')"
LEAVE = f"SELECT pg_try_advisory_lock_shared({_NAME})"
HAVE_LEFT = f"SELECT pg_advisory_unlock_shared({_NAME})"
LEAVE_IN_TRANSACTION = f"SELECT pg_try_advisory_xact_lock_shared({_NAME})"
CLOSE = f"SELECT pg_try_advisory_lock({_NAME})"
OPEN = f"SELECT pg_advisory_unlock({_NAME})"
#: A deletion of a day takes minutes.
TRIES, PAUSE_SECONDS = 1_200, 0.5


@contextmanager
def may_leave() -> Iterator[bool]:
    """Tell whether entries may be deleted in the block, which is outside of a transaction."""
    if store().keeper is None:
        yield True
        return
    [(may,)] = fetch_all(LEAVE)
    try:
        yield bool(may)
    finally:
        if may:
            with suppress(DatabaseError, InterfaceError):  # it has ended with its session
                execute(HAVE_LEFT)


def leave() -> None:
    """Delete entries from now on, until the caller's transaction ends. Raises: `Unavailable` while nothing may."""
    if not fetch_all(LEAVE_IN_TRANSACTION)[0][0]:
        raise Unavailable(retry_after_seconds=60)


@contextmanager
def nothing_leaves() -> Iterator[None]:
    """Have nobody delete entries in the block.

    Raises: `Unavailable` where somebody does for too long; `BackupFailed` at its end, if somebody could meanwhile.
    """
    for _ in range(TRIES):
        if fetch_all(CLOSE)[0][0]:
            break
        time.sleep(PAUSE_SECONDS)
    else:
        raise Unavailable(retry_after_seconds=60)
    was_closed = False
    try:
        yield
    finally:
        with suppress(DatabaseError, InterfaceError):
            [(was_closed,)] = fetch_all(OPEN)
    if not was_closed:
        raise BackupFailed("PostgreSQL has ended our session: entries may have been deleted meanwhile. Begin again.")
