"""The second wall between organisations: what is read for a caller is read as a role that sees named ones only.

The role may read a few views and nothing else, and they show the rows of the organisations that the transaction has
named: a query that forgets its filter finds no stranger's row. Why views carry the wall: docs/security.md.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum

from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper

#: The connection that reads logs, and what arrives.
ALIAS = "reads"
ROLE = "luminalog_reader"
ENTRY_TABLE = "storage_entry"
#: Days from before documents were kept as text; it goes when no plan keeps them any more.
OLD_ENTRY_TABLE = "storage_logentry"
ENTRIES = "storage_shown_entry"
#: What web processes of before read, while they run.
OLD_ENTRIES = "storage_visible_entry"
RECEIPTS = "storage_visible_receipt"
EVENT_MINUTES = "storage_visible_event_minute"
ROLLED_DAYS = "storage_visible_rolled_day"
FIELDS = "storage_visible_field"
VIEWS = (ENTRIES, OLD_ENTRIES, RECEIPTS, EVENT_MINUTES, ROLLED_DAYS, FIELDS)

#: From PostgreSQL 16 on, a member of a role is not always allowed to become it. NULL without the role.
IS_USABLE = f"""
pg_has_role(to_regrole('{ROLE}'),
            CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
AND {" AND ".join(f"has_table_privilege(to_regrole('{ROLE}'), '{view}', 'SELECT')" for view in VIEWS)}
"""
#: Columns of a SELECT whose parameter is `named(organisations)`. Both settings end with the transaction.
GO_BEHIND = f"""
set_config('luminalog.organisations', %s, true), CASE WHEN {IS_USABLE} THEN set_config('role', '{ROLE}', true) END
"""
STATE = f"""
SELECT NOT (rolsuper OR rolbypassrls OR EXISTS (
           SELECT FROM pg_class
            WHERE relname ~ '^storage_(entry|logentry|receipt|minute|event_minute|rollup_day|field|drift)'
              AND relkind IN ('r', 'p')
              AND has_table_privilege(pg_roles.oid, pg_class.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')))
  FROM pg_roles WHERE oid = to_regrole('{ROLE}') AND {IS_USABLE}
"""  # noqa: S608 - constants


class State(StrEnum):
    """How much of the wall there is."""

    STANDS = "stands"
    #: Readers filter by the views, but nothing keeps a query from naming the tables.
    NO_ROLE = "no role"
    #: The role may do more than read the views.
    ROLE_MAY_TOO_MUCH = "role may too much"


def named(organisations: Collection[int]) -> str:
    """Write organisations as the views read them."""
    return ",".join(map(str, organisations))


@contextmanager
def behind(organisations: Collection[int], *, using: str) -> Iterator[CursorWrapper]:
    """Open a transaction that sees the rows of `organisations` only. It is rolled back: reading leaves nothing."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {GO_BEHIND}", [named(organisations)])
        yield cursor
        transaction.set_rollback(True, using=using)


def state() -> State:
    """Tell how much of the wall stands for this process's database user."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        match cursor.fetchone():
            case None:
                return State.NO_ROLE
            case (True,):
                return State.STANDS
            case _:
                return State.ROLE_MAY_TOO_MUCH
