"""Deleting what is kept no longer: some rows a transaction, beside whoever writes; and all of an organisation."""

from collections.abc import Iterable, Mapping

from django.db import transaction

from foundation.postgres import execute

ROWS_AT_ONCE = 10_000


def some_of(table: str, condition: str) -> str:
    """Return the statement that deletes some rows of `table` (`%s`: how many at most), none that another holds."""
    return f"""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM {table} WHERE {condition} LIMIT %s FOR UPDATE SKIP LOCKED))
"""  # noqa: S608 - of constants


def sweep(statements: Iterable[str], *, rows_at_once: int = ROWS_AT_ONCE) -> int:
    """Repeat each statement, in transactions of its own, until it finds no more; return how many rows went.

    Raises: `DatabaseError`.
    """
    return sum(_sweep(statement, rows_at_once) for statement in statements)


def hold(organisation_id: int, tables: Mapping[str, str]) -> None:
    """Lock an organisation's rows until the open transaction ends: of each table in its turn, by these columns."""
    for table, columns in tables.items():
        statement = f"SELECT FROM {table} WHERE organisation_id = %s ORDER BY {columns} FOR UPDATE"
        execute(statement, [organisation_id])


def forget(organisation_id: int, tables: Iterable[str]) -> int:
    """Delete an organisation's rows of `tables`, in their order, in the caller's transaction; return how many went."""
    statement = "DELETE FROM {} WHERE organisation_id = %s"
    return sum(execute(statement.format(table), [organisation_id]) for table in tables)


def _sweep(statement: str, rows_at_once: int) -> int:
    swept, gone = 0, rows_at_once
    while gone == rows_at_once:
        with transaction.atomic():
            gone = execute(statement, [rows_at_once])
        swept += gone
    return swept
