"""Beside a product whose worker is paused: drain its spool, COPY the same rows bare, and print both rates."""

import json
import os
import time
from typing import Any

import django
import msgspec
import psycopg

from luminalog.embedded import environment

environment.adopt()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
django.setup()

from ingest.drain import drain
from storage.postgres import COLUMNS, COPY, RawJson

Row = tuple[Any, ...]


def main() -> None:
    """Print both rates as JSON."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("TRUNCATE storage_logentry")
        started = time.perf_counter()
        drain(budget_seconds=60)
        drain_seconds = time.perf_counter() - started
        rows = stored_rows(connection)
        copy_seconds = min(copy_again(connection, rows) for _ in range(2))
    print(json.dumps({"entries": len(rows), "drain": len(rows) / drain_seconds, "copy": len(rows) / copy_seconds}))


def copy_again(connection: psycopg.Connection[Any], rows: list[Row]) -> float:
    """Write `rows` into the emptied table, its indexes included, by one COPY; return the seconds."""
    connection.execute("TRUNCATE storage_logentry")
    connection.execute("SET synchronous_commit = off")
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.adapters.register_dumper(msgspec.Raw, RawJson)
        with cursor.copy(COPY) as copy:
            copy.set_types(list(COLUMNS.values()))
            for row in rows:
                copy.write_row(row)
    return time.perf_counter() - started


def stored_rows(connection: psycopg.Connection[Any]) -> list[Row]:
    """Return the stored rows as the store writes them: JSON as text."""
    columns = [f"{name}::text" if kind == "jsonb" else f'"{name}"' for name, kind in COLUMNS.items()]
    is_json = [kind == "jsonb" for kind in COLUMNS.values()]
    found = connection.execute(f"SELECT {', '.join(columns)} FROM storage_logentry ORDER BY id".encode())
    return [
        tuple(msgspec.Raw(v.encode()) if j and v is not None else v for j, v in zip(is_json, row, strict=True))
        for row in found
    ]


if __name__ == "__main__":
    main()
