"""What PostgreSQL's errors mean for whoever writes or reads entries: told by SQLSTATE."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError

from foundation.outages import BUSY, DISK_FULL, LOCK_NOT_AVAILABLE, is_outage, sqlstate
from storage.errors import Refused, Unavailable

log = structlog.get_logger(__name__)

QUERY_CANCELED = "57014"  # PostgreSQL manual, appendix A
DATA_EXCEPTIONS = "22"
#: May last for long, and no batch brings it about: five minutes of it must not bury them all.
NOT_THEIR_FAULT = (DISK_FULL, LOCK_NOT_AVAILABLE)


@contextmanager
def writing() -> Iterator[None]:
    """Tell entries that PostgreSQL does not take from trouble of its own. Raises: `Refused`, `Unavailable`."""
    try:
        yield
    except (DatabaseError, InterfaceError, msgspec.MsgspecError) as error:
        if is_outage(error):
            raise Unavailable(clears_batches=sqlstate(error) in NOT_THEIR_FAULT) from error
        kind = f"{type(error).__name__} {sqlstate(error) or ''}".rstrip()
        raise Refused(kind, _first_line(error), is_proven=_is_of_the_entries(error)) from error


@contextmanager
def answering(organisation_id: int) -> Iterator[None]:
    """Make an outage, a busy server or a query that took too long an `Unavailable`; a bug stays what it is."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        if not is_outage(error):
            raise
        raise _unavailable(error, organisation_id) from error


def _unavailable(error: Exception, organisation_id: int) -> Unavailable:
    code = sqlstate(error)
    if code == QUERY_CANCELED:
        log.warning("query_timeout", organisation_id=organisation_id)
        return Unavailable("query_timeout")
    log.warning("storage_unavailable", error=type(error).__name__, sqlstate=code)
    if code in BUSY:
        return Unavailable("overloaded", retry_after_seconds=1)
    return Unavailable(retry_after_seconds=5)


def _is_of_the_entries(error: Exception) -> bool:
    """Tell whether only what the entries hold can have brought this about: no canonical entry, or data exceptions."""
    return isinstance(error, msgspec.MsgspecError) or (sqlstate(error) or "").startswith(DATA_EXCEPTIONS)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]  # PostgreSQL's further lines quote the row
