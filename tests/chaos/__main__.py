"""`make chaos`: every scenario on a product of its own; ends with 1 when anything was lost, doubled or left behind.

python -m tests.chaos [--seed SEED] [--store clickhouse] [--list] [SCENARIO …]
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.chaos import disks
from tests.chaos.campaign import Campaign
from tests.chaos.catalogue import SCENARIOS, of_store
from tests.chaos.edge_campaign import EdgeCampaign
from tests.chaos.entries import POSTGRESQL, STORES
from tests.chaos.outcomes import Outcome, by_verdict, total
from tests.chaos.trial import Scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeats the schedule of a run")
    parser.add_argument("--store", choices=STORES, default=POSTGRESQL, help="where entries are kept")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--keep", action="store_true", help="leave data, logs and journals in their folder")
    options = parser.parse_args()
    known = of_store(options.store)
    if options.list:
        print("\n".join(f"{one.name:<30}{one.summary}" for one in known.values()))
        return 0
    if unknown := set(options.scenarios) - known.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    disks.enter_namespace([*sys.argv[1:], "--seed", options.seed])
    return _run([known[name] for name in options.scenarios or known], options)


def _run(scenarios: Sequence[Scenario], options: argparse.Namespace) -> int:
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="luminalog-chaos-"))
    print(f"chaos: seed {options.seed}, entries in {options.store}, {len(scenarios)} scenarios", flush=True)
    outcomes: list[Outcome] = []
    breaches: list[str] = []
    try:
        for make, some in _products(scenarios, options):
            breaches += _breaches(make, some, folder, outcomes)
    finally:
        if options.keep:
            print(f"chaos: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for breach in breaches:
        print(f"! {breach}")
    others = [one.name for one in SCENARIOS.values() if one.store not in ("", options.store)]
    print(f"{total(outcomes)}\n{by_verdict(outcomes)}")
    print(f"left out {len(others)}, which are about entries elsewhere than in {options.store}: {', '.join(others)}")
    print(f"chaos: seed {options.seed}: {'FAILED' if breaches else 'passed'} in {time.monotonic() - began:.0f} s")
    return 1 if breaches else 0


def _products(
    scenarios: Sequence[Scenario], options: argparse.Namespace
) -> Iterator[tuple[Callable[..., Campaign], list[Scenario]]]:
    """Yield on what kind of product to run which scenarios."""
    how = {"seed": options.seed, "store": options.store, "say": partial(print, flush=True)}
    kinds: tuple[tuple[Callable[..., Campaign], Callable[[Scenario], bool]], ...] = (
        (Campaign, lambda one: not (one.needs_disks or one.needs_edge)),
        (partial(Campaign, with_disks=not disks.why_not()), lambda one: one.needs_disks),
        (EdgeCampaign, lambda one: one.needs_edge),
    )
    for kind, is_for in kinds:
        if some := [one for one in scenarios if is_for(one)]:
            yield partial(kind, **how), some


def _breaches(
    make: Callable[..., Campaign], scenarios: list[Scenario], folder: Path, outcomes: list[Outcome]
) -> Iterator[str]:
    """Run all scenarios, on a new product after each that fails; yield what is wrong."""
    left = scenarios
    while left:
        campaign = make(folder / f"{len(outcomes)}")
        try:
            yield from campaign.start().run(left)
        finally:
            campaign.stop()
        outcomes += campaign.outcomes
        left = left[len(campaign.outcomes) :]


if __name__ == "__main__":
    sys.exit(main())
