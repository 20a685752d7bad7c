"""`make bench STORE=clickhouse`: what storing an entry costs in ClickHouse, beside PostgreSQL in turns.

CPU of the worker and of the servers, what merges take included, and bytes on disk, indexes included. Both on this
machine, empty at first: ratios are what counts.
"""

import argparse
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import django

from embedded.clickhouse import EmbeddedClickHouse
from embedded.postgres import EmbeddedPostgres
from tests.benchmarks import paper
from tests.benchmarks.drain import configure

#: Entries a batch, and how many batches a round.
LOADS = {20: 2_048, 1_000: 64}
#: At most so many times what PostgreSQL takes.
WORKER, IN_ALL, BYTES = 0.5, 2.5, 0.25


def main() -> None:
    """Start both servers, measure, print, stop them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.stores", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each kind, in turns")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    run = paper.begin("make bench STORE=clickhouse")
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        postgres, clickhouse = EmbeddedPostgres(Path(folder) / "postgres"), EmbeddedClickHouse(Path(folder) / "ch")
        postgres.start()
        clickhouse.start()
        try:
            configure(postgres.url, folder)
            os.environ |= {"STORE_URL": clickhouse.url, "STORE_READ_URL": clickhouse.read_url}
            django.setup()
            rows = list(_measured(postgres, clickhouse, rounds=options.rounds))
        finally:
            clickhouse.stop()
            postgres.stop()
    told = f"{run}.\n\n{_table(rows)}"
    print(told)
    if options.write:
        paper.write("stores", told)


#: What was measured, in PostgreSQL and in ClickHouse, and how many times the former the latter may be.
Row = tuple[str, float, float, float]


def _measured(postgres: EmbeddedPostgres, clickhouse: EmbeddedClickHouse, *, rounds: int) -> Iterable[Row]:
    from tests.benchmarks import store_rounds  # noqa: PLC0415 - it needs Django's settings

    both = store_rounds.Stores(postgres, clickhouse)
    for entries, batches in LOADS.items():
        here, there = both.costs(entries=entries, batches=batches, rounds=rounds)
        of = f"batches of {entries:,}: CPU µs an entry,"
        yield f"{of} worker", here.worker_us, there.worker_us, WORKER
        yield f"{of} worker and servers", here.in_all_us, there.in_all_us, IN_ALL
    in_postgresql, in_clickhouse = both.bytes_of_an_entry()
    yield "bytes on disk an entry", in_postgresql, in_clickhouse, BYTES


def _table(rows: Iterable[Row]) -> str:
    return paper.table(("", "PostgreSQL", "ClickHouse", "ratio", "at most", "held"), map(_told, rows))


def _told(row: Row) -> tuple[str, ...]:
    what, here, there, bound = row
    ratio = there / here
    return what, f"{here:.1f}", f"{there:.1f}", f"{ratio:.2f}", f"{bound}", "yes" if ratio <= bound else "no"


if __name__ == "__main__":
    main()
