"""`python -m tests.benchmarks.drain`: CPU µs an entry of the drain, against a bare COPY of the same rows.

On an embedded PostgreSQL of its own. What counts is the CPU of this process and of all of PostgreSQL's.
"""

import argparse
import json
import os
import secrets
import tempfile
from pathlib import Path

import django

from embedded.postgres import EmbeddedPostgres

#: Entries a batch, and how many batches a round.
LOADS = {1: 8_192, 20: 2_048, 1_000: 64}


def main() -> None:
    """Start PostgreSQL, measure, print, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.drain", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of each kind, in turns")
    parser.add_argument("--json", action="store_true", help="print figures, for `make bench`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            configure(postgres.url, folder)
            django.setup()
            measure(postgres, rounds=options.rounds, as_json=options.json)
        finally:
            postgres.stop()


def configure(url: str, folder: str) -> None:
    """Say what Django is told of its surroundings."""
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "luminalog.settings",
        "LUMINALOG_DATA_DIR": folder,
        "LUMINALOG_LOG_LEVEL": "WARNING",
        "LUMINALOG_METRICS_DIR": f"{folder}/metrics",
        "LUMINALOG_PROCESS": "worker",
        "SECRET_KEY": secrets.token_hex(32),
        "VALKEY_URL": "redis://127.0.0.1:1",  # never asked
    }


def measure(postgres: EmbeddedPostgres, *, rounds: int, as_json: bool) -> None:
    """Print the table, or its figures."""
    from tests.benchmarks import drain_rounds  # noqa: PLC0415 - it needs Django's settings

    drain_rounds.prepare()
    costs = {
        entries: drain_rounds.measure(postgres, entries=entries, batches=batches, rounds=rounds)
        for entries, batches in LOADS.items()
    }
    if as_json:
        print(
            json.dumps({entries: {"copy_us": bare, "drain_us": drained} for entries, (bare, drained) in costs.items()})
        )
        return
    print("CPU µs an entry         bare COPY      drain      drain ÷ bare COPY")
    for entries, (bare, drained) in costs.items():
        print(f"    batches of {entries:5,}      {bare:8.2f}   {drained:8.2f}      {drained / bare:.2f}")


if __name__ == "__main__":
    main()
