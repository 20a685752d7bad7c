"""What scrubbing costs whoever sends: the same web server with it and without it, in turns. docs/privacy.md.

`python -m tests.benchmarks.scrubbing [--pairs N] [--rounds N] [--seconds S] [--same]`: the batches that a second of
web's CPU accepts with it, as a share of those without; of each the best of all pairs and rounds, because what else the
machine does only adds, and one process has its memory laid out better than another. One connection sends: what batches
share that come together would depend on that, too. `--same` compares scrubbing with scrubbing: how far that is from 1
is how much this machine can tell.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf

from tests.benchmarks.bodies import post_logs
from tests.benchmarks.load import Load, send
from tests.benchmarks.sides import Ours, Side, ours, serving
from tests.chaos.tenants import Tenant

#: Entries a request, and the least that is left with scrubbing.
GOALS = {1: 0.98, 100: 0.93, 1_000: 0.80}
OFF = """
from accounts.models import Organisation
from privacy.models import Policy
Policy.objects.get_or_create(organisation=Organisation.objects.get(slug="broad"), defaults={"mode": "off"})
"""


def main() -> None:
    """Start the product and both web servers, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scrubbing", description=__doc__)
    parser.add_argument("--pairs", type=int, default=6, help="of web servers, one after the other")
    parser.add_argument("--rounds", type=int, default=5, help="of each pair")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--same", action="store_true", help="switch it off nowhere")
    options = parser.parse_args()
    print("| entries a request | µs of CPU with scrubbing | without | accepted | goal |\n|---:|---:|---:|---:|---:|")
    best: dict[tuple[str, int], float] = {}
    with ours() as product:
        for _ in range(options.pairs):
            with _sides(product, same=options.same) as sides:
                for entries in GOALS:
                    for name, found in _rounds(product, sides, entries, options).items():
                        best[name, entries] = min(best.get((name, entries), inf), *found)
    for entries, goal in GOALS.items():
        on, off = (1e6 * best[name, entries] for name in ("on", "off"))
        print(f"| {entries:,} | {on:,.0f} | {off:,.0f} | {off / on:.3f} | {goal} |")


@contextmanager
def _sides(product: Ours, *, same: bool) -> Iterator[tuple[Side, Side]]:
    """Run a web server that scrubs, and one of an operator who has switched it off; its sender has, too."""
    switched_off = {} if same else {"LUMINALOG_SCRUB_SECRETS": "0"}
    if not same:
        product.product.manage("shell", "-v", "0", "-c", OFF)
    published = dict(line.split("=", 1) for line in (product.product.data_dir / "env").read_text().splitlines())
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving("on", "rsgi", "luminalog.rsgi:application", env=published)),
            stack.enter_context(serving("off", "rsgi", "luminalog.rsgi:application", env=published | switched_off)),
        )


def _rounds(
    product: Ours, sides: tuple[Side, Side], entries: int, options: argparse.Namespace
) -> dict[str, list[float]]:
    """Return the CPU seconds of a request, round by round, by the side's name."""
    senders = {"on": product.ample, "off": product.broad}
    for side in sides:  # caches fill
        _cpu_seconds_a_request(side, senders[side.name], entries=entries, seconds=1)
    found: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(options.rounds):
        for side in sides if number % 2 else sides[::-1]:
            taken = _cpu_seconds_a_request(side, senders[side.name], entries=entries, seconds=options.seconds)
            found[side.name].append(taken)
        product.settle()
        product.forget()
    return found


def _cpu_seconds_a_request(side: Side, sender: Tenant, *, entries: int, seconds: float) -> float:
    request = post_logs(entries, api_key=sender.api_key)
    load = Load(address=side.address, requests=(request,), connections=1, seconds=seconds)
    before = side.cpu()["web"]
    sent = send(load).all_taken()
    return (side.cpu()["web"] - before) / sent.requests


if __name__ == "__main__":
    main()
