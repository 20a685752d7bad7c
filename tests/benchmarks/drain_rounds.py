"""A round of the drain, and one of a bare COPY of the same rows: what each costs, in the CPU of all processes."""

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import psutil
from django.core.management import call_command
from django.db import transaction

from accounts.models import ApiKey
from embedded.postgres import EmbeddedPostgres
from foundation.postgres import copy_rows, execute, fetch_all
from ingest.canonical import encode_entries
from ingest.protocols.luminalog.wire import parse_batch
from ingest.spool import batch_ids, table
from ingest.spool.drain import drain
from ingest.spool.payload import pack, unpack
from privacy.rules import Rules
from privacy.scrubbing import Scrubber
from quotas.plans import subscribe
from storage.batch import Batch
from storage.postgres import partitions
from storage.postgres import writer as postgres
from storage.tally import Tally
from tests.benchmarks.bodies import body
from tests.benchmarks.taken import of_tree
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan

SCRUBBER = Scrubber(Rules())
ORGANISATIONS = 10
BODIES = 50
KEEP = """
INSERT INTO ingest_spooledbatch (batch_id, organisation_id, api_key_id, project, environment, period, requests,
                                 entries, size_bytes, payload)
SELECT batch_id, organisation_id, api_key_id, 'shop', 'production', now()::date, 1, entries, size_bytes, payload
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bytea[])
       AS batch(batch_id, organisation_id, api_key_id, entries, size_bytes, payload)
"""


def prepare() -> None:
    """Make the tables, and those who send."""
    call_command("migrate", verbosity=0)
    partitions.make_ahead()
    plan = make_plan()
    for n in range(ORGANISATIONS):
        organisation = make_organisation(f"bench-{n}")
        subscribe(organisation, plan)
        make_api_key(organisation)


def measure(postgres_server: EmbeddedPostgres, *, entries: int, batches: int, rounds: int) -> tuple[float, float]:
    """Return the CPU µs an entry of a bare COPY and of the drain: medians of `rounds` each, in turns."""
    parts = parts_of(entries)
    costs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):  # the first one warms up
        rows = _rows(parts, batches=batches)
        bare = cpu_seconds(postgres_server, lambda rows=rows: _copy(rows))  # type: ignore[misc]
        del rows
        fill(parts, batches=batches)
        drained = cpu_seconds(postgres_server, drain)
        assert not fetch_all("SELECT 1 FROM ingest_spooledbatch LIMIT 1"), "the drain's time was up"
        costs.append((bare, drained))
    bare, drained = (statistics.median(column) for column in zip(*costs[1:], strict=True))
    return 1e6 * bare / (batches * entries), 1e6 * drained / (batches * entries)


def parts_of(entries: int) -> list[table.Part]:
    """Return batches that differ, packed as a request packs them."""
    encoded = next(encode_entries(parse_batch(body(1_000), lenient=False).entries, SCRUBBER)).payload.split(b"\n")
    lines = cycle(encoded)
    parts = []
    for _ in range(BODIES):
        [part] = encode_entries(list(islice(lines, entries)), SCRUBBER)
        parts.append(table.Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes))
    return parts


def _callers() -> list[Any]:
    return [caller_of(key) for key in ApiKey.objects.order_by("pk")]


def fill(parts: Sequence[table.Part], *, batches: int) -> None:
    """Put so many batches into the spool, of all organisations in turns; uncharged."""
    callers = cycle(_callers())
    rows = [
        (batch_ids.take(), caller.organisation_id, caller.api_key_id, part.entries, part.size_bytes, part.payload)
        for part, caller in islice(zip(cycle(parts), callers), batches)
    ]
    execute(KEEP, [list(column) for column in zip(*rows, strict=True)])


def _rows(parts: Sequence[table.Part], *, batches: int) -> list[tuple[Any, ...]]:
    """Return as many rows as the batches make, ready for COPY."""
    received_at, callers = datetime.now(UTC), cycle(_callers())
    return list(
        postgres._rows(
            [
                Batch(
                    batch_id=batch_ids.take(),
                    organisation_id=caller.organisation_id,
                    api_key_id=caller.api_key_id,
                    project="shop",
                    environment="production",
                    received_at=received_at,
                    period=received_at.date(),
                    lines=unpack(part.payload),
                    indexes=range(part.entries),
                )
                for part, caller in islice(zip(cycle(parts), callers), batches)
            ],
            Tally(),
        )
    )


def _copy(rows: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        copy_rows(postgres.COPY, rows, types=list(postgres.COLUMNS.values()))


def cpu_seconds(server: EmbeddedPostgres, work: Callable[[], object]) -> float:
    """Return the CPU time that this process and all of the server's take for `work`."""
    assert server.process
    postmaster = psutil.Process(server.process.pid)
    began_there, began_here = of_tree(postmaster), time.process_time()
    work()
    return time.process_time() - began_here + of_tree(postmaster) - began_there
