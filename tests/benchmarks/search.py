"""`make bench-search`: how fast entries are searched, on an embedded PostgreSQL of its own.

A week of them in the order of time, or with `--order random` one open day in none. A folder that has been filled before
is used as it is, whatever its order. Prints the table of docs/performance.md.
"""

import argparse
import os
import secrets
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import django

from embedded.clickhouse import EmbeddedClickHouse
from embedded.postgres import EmbeddedPostgres
from tests.benchmarks import paper
from tests.benchmarks.search_entries import Order


def main() -> None:
    """Start PostgreSQL, fill it, measure, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--order", type=Order, choices=list(Order), default=Order.TIME)
    parser.add_argument("--times", type=int, default=30, help="how often each question is asked")
    parser.add_argument("--folder", type=Path, help="where the data stay; by default they go")
    parser.add_argument("--plans", type=Path, help="where to write EXPLAIN of each statement")
    parser.add_argument("--both", action="store_true", help="load ClickHouse, too, and ask both")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    command = (
        "make bench-search" + f" ORDER={options.order}" * (options.order is not Order.TIME) + " BOTH=1" * options.both
    )
    options.run = paper.begin(command)
    with tempfile.TemporaryDirectory() as temporary:
        options.folder = options.folder or Path(temporary)
        postgres = EmbeddedPostgres(options.folder / "postgres")
        postgres.start()
        try:
            _configure(postgres.url)
            django.setup()
            measure(options)
        finally:
            postgres.stop()


def _configure(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "luminalog.settings",
        "SECRET_KEY": secrets.token_hex(32),
        "VALKEY_URL": "redis://127.0.0.1:1",  # never asked
        "LUMINALOG_LOG_LEVEL": "WARNING",
    }


def measure(options: argparse.Namespace) -> None:
    """Fill the store and print the tables."""
    from tests.benchmarks import search_cases, search_clickhouse, search_store  # noqa: PLC0415 - they need Django's settings

    search_store.fill(options.entries, order=options.order)
    with ExitStack() as stack:
        server = _clickhouse(options, stack) if options.both else None
        elsewhere = partial(search_clickhouse.asked, server) if server else None
        answers = search_cases.table(options.times, elsewhere)
        sizes = [search_store.sizes(), *([search_clickhouse.size(server)] if server else [])]
    tables = "\n".join([f"{options.run}; {options.entries:,} entries.\n", answers, "\nOn disk:\n", *sizes])
    print(tables)
    if options.write:
        paper.write("search" if options.order is Order.TIME else f"search-{options.order}", tables)
    if options.plans:
        options.plans.write_text(search_cases.plans())


def _clickhouse(options: argparse.Namespace, stack: ExitStack) -> EmbeddedClickHouse:
    """Load the same into a ClickHouse that runs until the end of `stack`."""
    from tests.benchmarks import search_clickhouse  # noqa: PLC0415 - it needs Django's settings

    server = stack.enter_context(search_clickhouse.running(options.folder / "clickhouse"))
    search_clickhouse.fill(server, options.entries, order=options.order)
    return server


if __name__ == "__main__":
    main()
