"""`python -m tests.benchmarks.groups`: CPU µs an entry that error groups cost the drain, as ratios of rounds in turns.

The mix of the soak, grouped and not; and floods of errors that all differ, beside as many that are known.
On an embedded PostgreSQL of its own. What counts is the CPU of this process and of all of PostgreSQL's.
"""

import argparse
import tempfile
from pathlib import Path

import django

from embedded.postgres import EmbeddedPostgres
from tests.benchmarks.drain import configure

#: What the issue asks for: the mix without groups ÷ with them at least, a flood ÷ known errors at most.
LEAST_OF_MIX, MOST_OF_FLOOD = 0.95, 1.5


def main() -> None:
    """Start PostgreSQL, measure, print, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.groups", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each kind, in turns")
    parser.add_argument("--errors", type=int, default=20_000, help="of a round of a flood")
    parser.add_argument("--only", choices=["mix", "floods"], help="measure only this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            configure(postgres.url, folder)
            django.setup()
            measure(postgres, rounds=options.rounds, errors=options.errors, only=options.only)
        finally:
            postgres.stop()


def measure(postgres: EmbeddedPostgres, *, rounds: int, errors: int, only: str | None) -> None:
    """Print the tables."""
    from tests.benchmarks import drain_rounds, group_rounds  # noqa: PLC0415 - they need Django's settings

    drain_rounds.prepare()
    if only != "floods":
        costs, ratio = group_rounds.mix(postgres, rounds=rounds)
        print(f"the mix, batches of 20       without groups {costs[0]:.2f}   with {costs[1]:.2f} µs an entry")
        print(f"    without ÷ with           {ratio:.3f}   wanted: {LEAST_OF_MIX} at least")
    if only != "mix":
        print("errors that all differ       known   flood µs an error   flood ÷ known")
        for name, (known, flood, ratio) in group_rounds.floods(postgres, rounds=rounds, errors=errors).items():
            print(
                f"    {name:24s} {known:6.1f}  {flood:6.1f}               {ratio:.2f}   wanted: {MOST_OF_FLOOD} at most"
            )
        print(group_rounds.limits())


if __name__ == "__main__":
    main()
