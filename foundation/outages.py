"""Which errors of PostgreSQL speak of its state and not of what was asked of it: told by SQLSTATE."""

from django.db import DatabaseError, InterfaceError, OperationalError

#: Classes and codes of SQLSTATE that speak of the server's state, not of the statement (PostgreSQL manual, appendix A).
OUTAGES = ("08", "25006", "25P03", "53", "55P03", "57", "58")
BUSY = ("53300", "55P03", "57014")  # too many connections, lock not available, statement timeout
DISK_FULL = "53100"
LOCK_NOT_AVAILABLE = "55P03"


def is_outage(exception: Exception) -> bool:
    """Tell whether PostgreSQL, and not what was asked of it, is the trouble; it may work again in a moment.

    A connection that breaks in the middle of an answer is a plain `DatabaseError` without a code.
    """
    code = sqlstate(exception)
    return code.startswith(OUTAGES) if code else type(exception) in (DatabaseError, OperationalError, InterfaceError)


def sqlstate(exception: Exception) -> str | None:
    """Return PostgreSQL's five-character code of `exception`, if the server gave one."""
    code: str | None = getattr(exception.__cause__, "sqlstate", None)
    return code
