"""The log store of the search benchmark: filled once by COPY, with all but the last day closed.

Nothing arrives meanwhile: the last day is open in that it lacks what closed days have.
"""

import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection

from storage import unrolled
from storage.batch import ENTRIES_A_BATCH
from storage.postgres import indexes, partitions
from storage.postgres.writer import COLUMNS
from tests.benchmarks import paper
from tests.benchmarks.search_entries import DAYS, START, Order, lines

CHUNK_LINES = 20_000
COPY = f"COPY storage_entry ({', '.join(COLUMNS)}) FROM STDIN"
CERTIFY = f"""
INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, entries, size_bytes)
SELECT id / {ENTRIES_A_BATCH}, organisation_id, 0, date_trunc('month', min(received_at) AT TIME ZONE 'UTC')::date,
       min(received_at), count(*), sum(size_bytes)
  FROM storage_entry GROUP BY 1, 2
    ON CONFLICT DO NOTHING
"""
SIZES = r"""
SELECT regexp_replace(relname, '_\d{8}', ''), sum(pg_relation_size(oid))::bigint / 1000000
  FROM pg_class WHERE relname ~ '^storage_entry_\d{8}' GROUP BY 1 ORDER BY 2 DESC
"""


def fill(entries: int, *, order: Order) -> None:
    """Migrate, load `entries`, roll them up, and close all days but the last, unless that has been done here."""
    call_command("migrate", verbosity=0)
    partitions.make({(START + timedelta(days=n)).date() for n in range(-1, DAYS + 1)})
    # A connection without our time-outs: PostgreSQL may write to a busy disk for long before it takes the next line.
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as loader:
        loader.execute("SET synchronous_commit = off")
        if loader.execute("SELECT EXISTS (SELECT FROM storage_entry)").fetchone() == (False,):
            _load(loader, lines(entries, order=order))
        loader.execute(CERTIFY)
        loader.execute("VACUUM (ANALYZE) storage_entry")
    _roll_up()
    for day in range(DAYS - 1):
        began = time.monotonic()
        if indexes.index_day((START + timedelta(days=day)).date()):
            _say(f"closed a day in {time.monotonic() - began:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


def _roll_up() -> None:
    began = time.monotonic()
    if batches := unrolled.roll_up(budget_seconds=3600):
        _say(f"{batches:,} batches rolled up in {time.monotonic() - began:.0f} s")


def _load(loader: psycopg.Connection[Any], source: Iterator[str]) -> None:
    began, done = time.monotonic(), 0
    while chunk := list(islice(source, CHUNK_LINES)):
        with loader.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write("\n".join(chunk) + "\n")
        done += len(chunk)
        if done % 1_000_000 == 0 or len(chunk) < CHUNK_LINES:
            seconds = time.monotonic() - began
            _say(f"{done:,} entries in {seconds:.0f} s: {done / seconds:,.0f}/s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def sizes() -> str:
    """Return a table of what the store takes on disk, by kind."""
    with connection.cursor() as cursor:
        cursor.execute(SIZES)
        rows = cursor.fetchall()
    return paper.table(["table or index", "size"], ((what, f"{megabytes:,} MB") for what, megabytes in rows))
