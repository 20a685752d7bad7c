"""`make chaos`: every scenario on a product of its own; ends with 1 when anything was lost, doubled or left behind.

python -m tests.chaos [--seed SEED] [--list] [SCENARIO …]
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.scenarios import SCENARIOS


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
    return _run([SCENARIOS[name] for name in options.scenarios or SCENARIOS], options)


def _run(scenarios, options: argparse.Namespace) -> int:  # type: ignore[no-untyped-def]
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="luminalog-chaos-"))
    print(f"chaos: seed {options.seed}, {len(scenarios)} scenarios", flush=True)
    campaign = Campaign(folder, seed=options.seed, say=lambda text: print(text, flush=True))
    try:
        breaches = campaign.start().run(scenarios)
    finally:
        campaign.stop()
        if options.keep:
            print(f"chaos: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for breach in breaches:
        print(f"! {breach}")
    print(f"chaos: seed {options.seed}: {'FAILED' if breaches else 'passed'} in {time.monotonic() - began:.0f} s")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
