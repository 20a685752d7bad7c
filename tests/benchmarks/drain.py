"""(b) of `make bench`: drained entries/s against a bare COPY of the same rows into the same table.

Three rounds of each, in turn, while no worker runs a drain of its own.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import django
import msgspec
from django.db import connection, transaction

django.setup()

from accounts.models import ApiKey
from foundation.postgres import copy_rows
from ingest.canonical import encode_entries
from ingest.protocols.luminalog.wire import parse_batch
from ingest.spool import batch_ids, table
from ingest.spool.drain import drain
from ingest.spool.payload import pack, unpack
from storage.batch import Batch
from storage.postgres import writer as postgres
from tests.benchmarks.ingest import HOLD_DRAINS, body
from tests.organisations import caller_of

ROUNDS = 3
ENTRIES = 1000


def main() -> None:
    """Measure and print."""
    batches = int(sys.argv[1])
    drained, bare = [], []
    for _ in range(ROUNDS):
        drained.append(batches * ENTRIES / _drain_seconds(batches))
        bare.append(batches * ENTRIES / _copy_seconds(batches))
    ours, bound = statistics.median(drained), statistics.median(bare)
    print("(b) entries/s           rate    of bare COPY")
    print(f"    bare COPY       {bound:8,.0f}    1.00")
    print(f"    drain           {ours:8,.0f}    {ours / bound:.2f}")


def _drain_seconds(batches: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute(HOLD_DRAINS)  # but ours: a session may take its lock again
    caller, [part] = (
        caller_of(ApiKey.objects.earliest("pk")),
        list(encode_entries(parse_batch(body(ENTRIES), lenient=False).entries)),
    )
    packed = table.Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes)
    for _ in range(batches):
        table.accept(caller, [packed])
    return _seconds(drain)


def _copy_seconds(batches: int) -> float:
    """Time the COPY alone: the rows are ready in memory."""
    [part] = encode_entries(parse_batch(body(ENTRIES), lenient=False).entries)
    lines = unpack(pack(part.payload))
    rows: list[Any] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        [received_at] = cursor.fetchone()
    for _ in range(batches):
        rows += postgres._rows(
            [
                Batch(
                    batch_id=batch_ids.take(),
                    organisation_id=caller_of(ApiKey.objects.earliest("pk")).organisation_id,
                    api_key_id=0,
                    project="bench",
                    environment="bench",
                    received_at=received_at,
                    period=received_at.date(),
                    lines=lines,
                    indexes=range(len(lines)),
                )
            ]
        )

    def copy() -> None:
        with transaction.atomic():
            types, dumpers = list(postgres.COLUMNS.values()), {cast(type, msgspec.Raw): postgres.RawJson}
            copy_rows(postgres.COPY, rows, types=types, dumpers=dumpers)

    return _seconds(copy)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
