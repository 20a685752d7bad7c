"""`make chaos`: every scenario on a product of its own; ends with 1 when anything was lost, doubled or left behind.

python -m tests.chaos [--seed SEED] [--list] [SCENARIO …]
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.chaos import disks
from tests.chaos.campaign import Campaign
from tests.chaos.scenarios import SCENARIOS, Scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeats the schedule of a run")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--keep", action="store_true", help="leave data, logs and journals in their folder")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{one.name:<24}{one.summary}" for one in SCENARIOS.values()))
        return 0
    if unknown := set(options.scenarios) - SCENARIOS.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    disks.enter_namespace([*sys.argv[1:], "--seed", options.seed])
    return _run([SCENARIOS[name] for name in options.scenarios or SCENARIOS], options)


def _run(scenarios: Sequence[Scenario], options: argparse.Namespace) -> int:
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="luminalog-chaos-"))
    print(f"chaos: seed {options.seed}, {len(scenarios)} scenarios", flush=True)
    plain = [one for one in scenarios if not one.needs_disks]
    on_disks = [one for one in scenarios if one.needs_disks]
    try:
        breaches = _campaign(plain, folder / "plain", options.seed) if plain else []
        breaches += (
            _campaign(on_disks, folder / "disks", options.seed, with_disks=not disks.why_not()) if on_disks else []
        )
    finally:
        if options.keep:
            print(f"chaos: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for breach in breaches:
        print(f"! {breach}")
    print(f"chaos: seed {options.seed}: {'FAILED' if breaches else 'passed'} in {time.monotonic() - began:.0f} s")
    return 1 if breaches else 0


def _campaign(scenarios: Sequence[Scenario], folder: Path, seed: str, *, with_disks: bool = False) -> list[str]:
    campaign = Campaign(folder, seed=seed, say=partial(print, flush=True), with_disks=with_disks)
    try:
        return campaign.start().run(scenarios)
    finally:
        campaign.stop()


if __name__ == "__main__":
    sys.exit(main())
