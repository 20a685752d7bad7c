"""What the log store holds, seen past the product: in PostgreSQL or in ClickHouse, in the same shape."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import psycopg

from storage.clickhouse.address import address_of
from storage.clickhouse.server import Server

POSTGRESQL, CLICKHOUSE = "postgresql", "clickhouse"
STORES = (POSTGRESQL, CLICKHOUSE)
#: A row as a document, by what its message begins with.
ROWS = """
SELECT to_jsonb(entry) || jsonb_build_object('metadata', metadata::jsonb, 'error', error::jsonb,
           'timestamp', to_char(timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  FROM storage_entry AS entry WHERE starts_with(message, %s)
"""
ROWS_OF_CLICKHOUSE = """
SELECT organisation_id, concat(replaceOne(toString(timestamp), ' ', 'T'), 'Z'), CAST(level, 'Int8'), message,
       environment, project, trace_id, metadata, error, size_bytes, error_key
  FROM entry WHERE startsWith(message, {begin:String})
"""
COLUMNS = (
    "organisation_id", "timestamp", "level", "message", "environment", "project", "trace_id", "metadata", "error",
    "size_bytes", "error_key",
)  # fmt: skip
#: Of each organisation; what is there twice counts twice.
SUMS = "SELECT organisation_id, count(*), sum(size_bytes), count(error_key) FROM {table} GROUP BY organisation_id"


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What is stored of an organisation: entries, the bytes charged for them, and those that are in an error group."""

    entries: int = 0
    size_bytes: int = 0
    errors: int = 0


class Entries(Protocol):
    """The witness of a store. What is there twice is seen twice."""

    def beginning_with(self, text: str) -> Iterator[dict[str, Any]]:
        """Yield the rows whose message begins with `text`; documents as values, `timestamp` as text."""

    def sums(self) -> dict[int, Sums]:
        """Count what there is of each organisation."""


class OfPostgres:
    """Entries in PostgreSQL at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def beginning_with(self, text: str) -> Iterator[dict[str, Any]]:
        """See there."""
        with psycopg.connect(self._url, application_name="witness") as connection:
            for (row,) in connection.execute(ROWS, (text,)):
                yield row

    def sums(self) -> dict[int, Sums]:
        """See there."""
        with psycopg.connect(self._url, application_name="witness") as connection:
            return _sums(connection.execute(SUMS.format(table="storage_entry").encode()).fetchall())


class OfClickHouse:
    """Entries in ClickHouse at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _server(self) -> Server:
        return Server(address_of(self._url, name="STORE_URL"))

    def beginning_with(self, text: str) -> Iterator[dict[str, Any]]:
        """See there."""
        for values in self._server.rows(ROWS_OF_CLICKHOUSE, {"begin": text}):
            row = dict(zip(COLUMNS, values, strict=True))
            yield row | {name: json.loads(row[name]) if row[name] else None for name in ("metadata", "error")}

    def sums(self) -> dict[int, Sums]:
        """See there."""
        return _sums(self._server.rows(SUMS.format(table="entry")))


def _sums(rows: list[tuple[Any, ...]]) -> dict[int, Sums]:
    return {
        owner: Sums(entries=entries, size_bytes=int(size_bytes), errors=errors)
        for owner, entries, size_bytes, errors in rows
    }
