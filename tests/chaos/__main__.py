"""`make chaos`: every scenario on a product of its own; ends with 1 when anything was lost, doubled or left behind.

python -m tests.chaos [--seed SEED] [--store clickhouse] [--list] [SCENARIO …]
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
from tests.chaos.catalogue import SCENARIOS, of_store
from tests.chaos.edge_campaign import EdgeCampaign
from tests.chaos.entries import POSTGRESQL, STORES
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
    for one in SCENARIOS.values():
        if one.store not in ("", options.store):
            print(f"LEFT OUT {one.name}: it is about entries in {one.store}")
    plain = [one for one in scenarios if not (one.needs_disks or one.needs_edge)]
    on_disks = [one for one in scenarios if one.needs_disks]
    with_edge = [one for one in scenarios if one.needs_edge]
    try:
        make = partial(_made, options)
        breaches = _breaches(make(Campaign, folder / "plain"), plain) if plain else []
        if on_disks:
            breaches += _breaches(make(Campaign, folder / "disks", with_disks=not disks.why_not()), on_disks)
        breaches += _breaches(make(EdgeCampaign, folder / "edges"), with_edge) if with_edge else []
    finally:
        if options.keep:
            print(f"chaos: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for breach in breaches:
        print(f"! {breach}")
    print(f"chaos: seed {options.seed}: {'FAILED' if breaches else 'passed'} in {time.monotonic() - began:.0f} s")
    return 1 if breaches else 0


def _made(options: argparse.Namespace, kind: type[Campaign], folder: Path, **how: bool) -> Campaign:
    return kind(folder, seed=options.seed, store=options.store, say=partial(print, flush=True), **how)


def _breaches(campaign: Campaign, scenarios: Sequence[Scenario]) -> list[str]:
    try:
        return campaign.start().run(scenarios)
    finally:
        campaign.stop()


if __name__ == "__main__":
    sys.exit(main())
