"""`make bench-alerts`: what rules cost while entries come, on an embedded PostgreSQL of its own."""

import argparse
import multiprocessing
import tempfile
from multiprocessing.synchronize import Event
from pathlib import Path

import django

from embedded.postgres import EmbeddedPostgres
from tests.benchmarks import drain, paper


def main() -> None:
    """Start PostgreSQL, fill it, measure, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.alerts", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=12, help="looks whose CPU is counted")
    parser.add_argument("--pairs", type=int, default=12, help="of 20 s each, with and without looks")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    options.run = paper.begin("make bench-alerts")
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            drain.configure(postgres.url, folder)
            django.setup()
            _measure(postgres, folder, options)
        finally:
            postgres.stop()


def _measure(postgres: EmbeddedPostgres, folder: str, options: argparse.Namespace) -> None:
    from tests.benchmarks import alert_rounds  # noqa: PLC0415 - it needs Django's settings

    alert_rounds.prepare(entries=options.entries, rules=options.rules)
    looks = alert_rounds.costs(postgres, rounds=options.rounds)
    spawned = multiprocessing.get_context("spawn")
    is_on, rests, is_over = spawned.Event(), spawned.Event(), spawned.Event()
    rests.set()
    looker = spawned.Process(target=_look, args=(postgres.url, folder, is_on, rests, is_over))
    looker.start()

    def switch(on: bool) -> None:
        if on:
            is_on.set()
        else:
            is_on.clear()
            rests.wait()

    try:
        beside = alert_rounds.ratios(switch, pairs=options.pairs)
    finally:
        is_over.set()
        looker.join()
    found = alert_rounds.table_of(looks, beside, entries=options.entries, rules=options.rules)
    tables = f"{options.run}.\n\n{found}"
    print(tables)
    if options.write:
        paper.write("alerts", tables)


def _look(url: str, folder: str, is_on: Event, rests: Event, is_over: Event) -> None:
    """Look as a worker does, in a process of its own: each time that it is switched on, until it is over."""
    drain.configure(url, folder)
    django.setup()
    from tests.benchmarks import alert_rounds  # noqa: PLC0415 - it needs Django's settings

    while not is_over.is_set():
        if not is_on.wait(timeout=0.1):
            continue
        rests.clear()
        alert_rounds.look()
        rests.set()
        is_over.wait(timeout=alert_rounds.SECONDS)


if __name__ == "__main__":
    main()
