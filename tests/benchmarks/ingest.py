"""`make bench`: what accepting and storing costs, side by side with what does nothing, and with a peer of yours.

Prints the tables of docs/performance.md, and puts them there with `--write`; all figures go into a JSON file.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.benchmarks import paces, paper, report, rounds, sides
from tests.benchmarks.report import DrainCost, Report
from tests.processes import PROJECT

FIGURES = PROJECT / "docs/performance.json"


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long a run is: rounds, the seconds of each load, and entries that readers search."""

    rounds: int
    seconds: float
    bodies: int


WHOLE = Length(rounds=5, seconds=3, bodies=300)
QUICK = Length(rounds=2, seconds=1, bodies=50)


def main() -> None:
    """Start all sides, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes; the figures are rough")
    parser.add_argument("--peer", metavar="URL", help="an address that takes JSON lines by POST")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go without --write")
    parser.add_argument("--write", action="store_true", help="put tables and figures into docs/")
    options = parser.parse_args()
    found = measure(QUICK if options.quick else WHOLE, command=_command(options), peer=options.peer)
    print("\n" + report.markdown(found))
    figures = FIGURES if options.write else options.json
    figures.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if options.write:
        paper.write("bench", report.markdown(found))
    print(f"All figures: {figures}")


def _command(options: argparse.Namespace) -> str:
    """Return what was typed, with the settings of the product that it was given."""
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("LUMINALOG_")]
    chosen = {"QUICK=1": options.quick, "PEER=…": options.peer}
    return " ".join([*settings, "make bench", *(name for name, is_chosen in chosen.items() if is_chosen)])


def measure(length: Length, *, command: str, peer: str | None = None) -> Report:
    """Measure everything."""
    run, peers = paper.begin(command), [sides.peer(peer)] if peer else []
    drain = _drain(length)
    with ExitStack() as stack:
        ours = stack.enter_context(sides.ours())
        stored_after = paces.stored_after(ours, seconds=5 * length.seconds)
        with sides.bounds(ours.product) as others:
            found = rounds.measure(ours, [*others, *peers], rounds=length.rounds, seconds=length.seconds)
        spent = paces.beside_spent(ours, rounds=length.rounds, seconds=length.seconds)
        readers = paces.beside_readers(ours, seconds=5 * length.seconds, bodies=length.bodies)
    return Report(
        run=run,
        goals=report.goals(found, drain, readers, spent),
        rows=report.rows(found),
        drain=drain,
        stored_after=stored_after,
        beside_readers=readers,
        beside_spent=spent,
    )


def _drain(length: Length) -> dict[int, DrainCost]:
    """Measure the drain in a process of its own, with a PostgreSQL of its own; it prints its figures as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.drain", "--rounds", str(length.rounds), "--json"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=dict[int, DrainCost])


if __name__ == "__main__":
    main()
