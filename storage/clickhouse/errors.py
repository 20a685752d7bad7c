"""What ClickHouse's errors mean for whoever writes or reads entries: told by their numbers (`system.errors`)."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from urllib3.exceptions import HTTPError

from storage.errors import Refused, Unavailable

log = structlog.get_logger(__name__)

#: What a server, a network or a coordination service has to do with: nobody's entries.
NETWORK = {32, 95, 209, 210, 236, 279, 394, 410, 519}
QUORUM = {225, 242, 285, 286, 289, 319, 415, 999}
#: FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: an insert came after its deadline.
TOO_LATE = {395}
BUSY = {202, 241, 252, 203}
DISK_FULL = {243, 74, 75}
TIME_IS_UP = {159, 160}
TOO_MUCH = {158, 307, 396}
#: A user or a password that is wrong, or a database that is not there yet.
NOT_LET_IN = {81, 192, 193, 194, 516}
OUTAGES = NETWORK | QUORUM | TOO_LATE | BUSY | DISK_FULL | TIME_IS_UP | NOT_LET_IN
#: Of these any may last for long, and no batch brings it about.
NOT_THEIR_FAULT = QUORUM | TOO_LATE | BUSY | DISK_FULL | NOT_LET_IN
#: Errors of parsers, which only what an entry holds can bring about.
OF_THE_ENTRIES = {6, 26, 27, 33, 34, 38, 41, 69, 72, 117, 131, 321, 349, 691}

#: What a request that went wrong may raise.
TROUBLE = (ClickHouseError, HTTPError, OSError)


@contextmanager
def writing() -> Iterator[None]:
    """Tell entries that ClickHouse does not take from trouble of its own. Raises: `Refused`, `Unavailable`."""
    try:
        yield
    except TROUBLE as error:
        code = code_of(error)
        if code is None or code in OUTAGES:
            log.warning("storage_unavailable", error=type(error).__name__, code=code)
            raise Unavailable(clears_batches=code in NOT_THEIR_FAULT) from error
        kind = f"ClickHouse {code} {name_of(error)}".rstrip()
        raise Refused(kind, "see the log of ClickHouse", is_proven=code in OF_THE_ENTRIES) from error


@contextmanager
def answering(organisation_id: int) -> Iterator[None]:
    """Make an outage, a busy server or a query that took too much an `Unavailable`; a bug stays what it is."""
    try:
        yield
    except TROUBLE as error:
        code = code_of(error)
        if code is not None and code not in OUTAGES | TOO_MUCH:
            raise
        raise _unavailable(error, code, organisation_id) from error


def code_of(error: BaseException) -> int | None:
    """Return the number of a server's error; None where no server has answered."""
    return error.code if isinstance(error, Error) else None


def name_of(error: BaseException) -> str:
    """Return the name of a server's error, which quotes nothing."""
    return (error.name or "") if isinstance(error, Error) else ""


def _unavailable(error: Exception, code: int | None, organisation_id: int) -> Unavailable:
    if code in TIME_IS_UP | TOO_MUCH or _timed_out(error):
        log.warning("query_timeout", organisation_id=organisation_id, code=code)
        return Unavailable("query_timeout")
    log.warning("storage_unavailable", error=type(error).__name__, code=code)
    if code in BUSY:
        return Unavailable("overloaded", retry_after_seconds=1)
    return Unavailable(retry_after_seconds=5)


def _timed_out(error: BaseException | None) -> bool:
    """Tell whether a server was silent for too long, as far as libraries wrap that."""
    while error is not None:
        if isinstance(error, TimeoutError) or "ReadTimeout" in type(error).__name__:
            return True
        error = error.__cause__ or error.__context__
    return False
