"""`make chaos-mutants`: break the product in 38 ways, one at a time, and see that the suite notices each.

python -m tests.mutants [MUTANT …]
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import MUTANTS, Check, Mutant
from tests.mutants.tree import Run, Tree

SHOWN_CHARACTERS = 4000
AT_ONCE = 2  # a load on the machine can make a check fail, but not in the right words


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("mutants", nargs="*", metavar="MUTANT", help="a part of a name; default: all")
    wanted = parser.parse_args().mutants
    mutants = [one for one in MUTANTS if not wanted or any(part in one.name for part in wanted)]
    if not mutants:
        parser.error(f"no such mutant; there are {', '.join(one.name for one in MUTANTS)}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="luminalog-mutants-") as folder:
        succeeded = _passes_unbroken(mutants, Path(folder)) and _are_caught(mutants, Path(folder))
    verdict = "all caught" if succeeded else "FAILED"
    print(f"mutants: {len(mutants)}, {verdict}, in {time.monotonic() - began:.0f} s")
    return 0 if succeeded else 1


def _passes_unbroken(mutants: Sequence[Mutant], folder: Path) -> bool:
    """Run every check on an unbroken copy: one that fails there too would prove nothing."""
    tree = Tree(folder / "unbroken")
    for module, names in _by_module(mutant.check for mutant in mutants).items():
        run = tree.run(module, names)
        verdict = "passed" if run.status == 0 else "FAILED"
        print(f"unbroken: {len(names)} of {module} {verdict} ({run.seconds:.0f} s)", flush=True)
        if run.status != 0:
            print(_tail(run))
            return False
    return True


def _by_module(checks: Iterable[Check]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for check in checks:
        if check.name not in names[check.module]:
            names[check.module].append(check.name)
    return names


def _are_caught(mutants: Sequence[Mutant], folder: Path) -> bool:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        verdicts = list(threads.map(lambda mutant: _is_caught(mutant, folder), mutants))
    return all(verdicts)


def _is_caught(mutant: Mutant, folder: Path) -> bool:
    check, tree = mutant.check, Tree(folder / mutant.name)
    tree.apply(mutant.patch)
    run = tree.run(check.module, [check.name])
    complaint = check.complaint(run.output) if run.status == 1 else None
    verdict = f"{'caught  ' if complaint else 'SURVIVED'} {mutant.name:<46} {run.seconds:>4.0f} s  {check.name}"
    print(f"{verdict}\n         {complaint[:150] if complaint else _explain(check, run)}", flush=True)
    return complaint is not None


def _explain(check: Check, run: Run) -> str:
    said = {None: "did not end in time", 0: "passed"}.get(run.status, f"ended with {run.status}, for another reason")
    return f"{check.name} {said}; it was to say {check.reason!r}\n{_tail(run)}"


def _tail(run: Run) -> str:
    return run.output[-SHOWN_CHARACTERS:]


if __name__ == "__main__":
    sys.exit(main())
