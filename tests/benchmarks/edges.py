"""What an edge adds: until its entries can be found at the core, in CPU an entry, and how fast it catches up.

`python -m tests.benchmarks.edges [--rounds N] [--backlog SECONDS] [--write]`, `make bench-edges`.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from multiprocessing import get_context
from pathlib import Path

import msgspec
import psycopg

from tests.acceptance.edge_products import Edge
from tests.acceptance.product import Product
from tests.benchmarks import paper, taken
from tests.benchmarks.bodies import post_logs
from tests.benchmarks.load import Load, Sent, send
from tests.benchmarks.sides import HOLD_DRAINS, LOOPBACK, SETTLED_WITHIN_SECONDS, Ours
from tests.chaos.proxy import Link, Mode, Proxy
from tests.waiting import wait_until

ROUND_TRIPS_MS = (0, 150)
#: Live: so many batches of so many entries a second.
BATCH_ENTRIES, BATCHES_A_SECOND = 100, 20
SIZES = (1, 20, 100, 1_000)
ROUNDS, LOAD_SECONDS, LATE_SECONDS, BACKLOG_SECONDS = 5, 3.0, 15.0, 120
MOST_RATIO, LEAST_CATCHING_UP = 1.5, 3.0
LEAST_TAKEN = 0.98
#: How long ago the edge took what has just come into the store. One machine has one clock.
ARRIVED = """
SELECT batch_id, extract(epoch FROM clock_timestamp() - edge_received_at)::float8 FROM storage_receipt
 WHERE edge_received_at > now() - interval '60 seconds'
"""
#: What an edge took more than two seconds ago, and nobody can find yet; at the core by when the edge took it.
WAITS_LONG = """
SELECT 1 FROM ingest_spooledbatch WHERE coalesce(edge_received_at, received_at) < now() - interval '2 seconds' LIMIT 1
"""


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """From the edge's 200 to the core's store, over a line with this round trip."""

    round_trip_ms: int
    p50_ms: float
    p99_ms: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU µs an entry, user and system of all processes: sent to the core, and to the edge, until it can be found."""

    entries: int
    core_us: float
    edge_us: float
    ratio: float
    of_it: dict[str, float]


class CaughtUp(msgspec.Struct, frozen=True, kw_only=True):
    """What waited at the edge, and how fast it came into the core's store while the live rate went on."""

    backlog_entries: int
    live_a_second: int
    seconds: float

    @property
    def ratio(self) -> float:
        """Return the rate at which entries came, as a ratio to the live rate."""
        return self.backlog_entries / self.seconds / self.live_a_second + 1


class World:
    """A core with organisations whose limits are out of the way, an edge of it, and the line between them."""

    def __init__(self, core: Ours, edge: Edge, line: Link) -> None:
        assert edge.process
        self.core, self.edge, self.line = core, edge, line
        self._edge_runner = edge.process.pid
        self._spool = psycopg.connect(edge.database_url, autocommit=True)

    def load(self, product: Product, *, entries: int, seconds: float, **how: float) -> Load:
        """Return a load of the core or of the edge."""
        body = post_logs(entries, api_key=self.core.ample.api_key)
        return Load(address=(LOOPBACK, product.port), requests=(body,), connections=8, seconds=seconds, **how)

    def settle(self) -> None:
        """Wait until nothing waits, at the edge and then at the core."""
        wait_until(
            lambda: not self._spool.execute("SELECT 1 FROM ingest_spooledbatch LIMIT 1").fetchone(),
            seconds=SETTLED_WITHIN_SECONDS,
        )
        self.core.settle()

    def waits_long(self) -> bool:
        """Tell whether a batch waits at the edge or the core that the edge took more than two seconds ago."""
        return bool(self._spool.execute(WAITS_LONG).fetchone() or self.core.product.query(WAITS_LONG))

    def cpu(self) -> taken.Seconds:
        """Return what both products have taken, by part."""
        return {
            f"{name} of the {side}": seconds
            for side, runner in (("core", self.core.runner), ("edge", self._edge_runner))
            for name, seconds in taken.of_parts(runner).items()
        }

    @contextmanager
    def forwarding_held(self) -> Iterator[None]:
        """Keep what the edge accepts in its spool: it claims nothing, as if the core took nothing."""
        with psycopg.connect(self.edge.database_url, autocommit=True) as database:
            database.execute(HOLD_DRAINS)
            yield


def taken_of(sent: Sent) -> int:
    """Return how many requests were taken: all but those for which, on a busy machine, a loan came too late."""
    number = sent.statuses[HTTPStatus.OK]
    assert number >= LEAST_TAKEN * sent.requests, sent.statuses
    return number


@contextmanager
def world() -> Iterator[World]:
    """Run a core and an edge in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        core = Product(Path(folder) / "core").start()
        proxy = Proxy()
        line = proxy.link("edge-core", target_port=core.port)
        try:
            ours = Ours(core)
            behind = f"http://{LOOPBACK}:{line.port}"
            edge = Edge(Path(folder) / "of-edge", "fra1", core, "--all-organisations", core_url=behind)
            edge.start()
            try:
                edge.wait_for_key(ours.ample.api_key)
                yield World(ours, edge, line)
            finally:
                edge.stop()
        finally:
            core.stop()
            proxy.close()


def late(world: World, *, round_trip_ms: int, seconds: float) -> Late:
    """Watch receipts appear at the core while the live rate is sent to the edge."""
    world.line.become(Mode.DELAY if round_trip_ms else Mode.PASS, round_trip_ms / 2_000)
    load = world.load(world.edge, entries=BATCH_ENTRIES, seconds=seconds, rate=BATCHES_A_SECOND)
    world.settle()
    with _arrivals(world) as delays:
        number = taken_of(send(load))
        world.settle()
        time.sleep(1)  # so that the last is looked for
    world.line.become(Mode.PASS)
    assert len(delays) == number, f"{number} batches were taken, {len(delays)} arrived"
    found = Sent(latencies=list(delays.values()))
    return Late(round_trip_ms=round_trip_ms, p50_ms=1e3 * found.percentile(0.5), p99_ms=1e3 * found.percentile(0.99))


@contextmanager
def _arrivals(world: World) -> Iterator[dict[int, float]]:
    """Yield how late each batch was when it was seen first; what is there already is left out."""
    delays: dict[int, float] = {}
    is_over, begins = threading.Event(), threading.Event()

    def watch() -> None:
        with psycopg.connect(world.core.product.database_url, autocommit=True) as database:
            before = {batch_id for batch_id, _ in database.execute(ARRIVED)}
            begins.set()
            while not is_over.wait(0.005):
                for batch_id, delay in database.execute(ARRIVED):
                    if batch_id not in before:
                        delays.setdefault(batch_id, delay)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begins.wait()
    try:
        yield delays
    finally:
        is_over.set()
        watcher.join()


def costs(world: World, *, rounds: int, seconds: float) -> list[Cost]:
    """Send to the core and to the edge in turns, again and again: what else the machine does falls on both."""
    sides = (world.core.product, world.edge)
    found: dict[int, list[tuple[taken.Seconds, taken.Seconds]]] = {entries: [] for entries in SIZES}
    for product in sides:
        _cpu_an_entry(world, product, entries=1, seconds=1)  # statements are prepared, caches fill
    for number in range(rounds):
        for entries, measured in found.items():
            core, edge = (_cpu_an_entry(world, product, entries=entries, seconds=seconds) for product in sides)
            measured.append(({name: core[name] for name in core if name.endswith("core")}, edge))
        world.core.forget()
        print(f"round {number + 1} of {rounds}", flush=True)
    return [_cost(entries, measured) for entries, measured in found.items()]


def _cpu_an_entry(world: World, product: Product, *, entries: int, seconds: float) -> taken.Seconds:
    before = world.cpu()
    number = taken_of(send(world.load(product, entries=entries, seconds=seconds)))
    world.settle()
    after = world.cpu()
    return {name: 1e6 * (after[name] - before.get(name, 0)) / (entries * number) for name in after}


def _cost(entries: int, measured: list[tuple[taken.Seconds, taken.Seconds]]) -> Cost:
    sums = [(sum(core.values()), sum(edge.values())) for core, edge in measured]
    parts = {name: statistics.median(edge.get(name, 0) for _, edge in measured) for name in measured[0][1]}
    return Cost(
        entries=entries,
        core_us=statistics.median(core for core, _ in sums),
        edge_us=statistics.median(edge for _, edge in sums),
        ratio=statistics.median(edge / core for core, edge in sums),
        of_it=dict(sorted(parts.items(), key=lambda part: -part[1])),
    )


def caught_up(world: World, *, backlog_seconds: int) -> CaughtUp:
    """Have as much wait at the edge as the live rate brings in so long, then let it go while that rate goes on."""
    live = BATCH_ENTRIES * BATCHES_A_SECOND
    going_on = world.load(world.edge, entries=BATCH_ENTRIES, seconds=backlog_seconds, rate=BATCHES_A_SECOND)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        with world.forwarding_held():
            batches = BATCHES_A_SECOND * backlog_seconds
            batches = taken_of(send(world.load(world.edge, entries=BATCH_ENTRIES, seconds=1e9, at_most=batches)))
            process.submit(int).result()  # it has started
            wait_until(world.waits_long)
        began, sending = time.monotonic(), process.submit(send, going_on)
        wait_until(lambda: sending.done() or not world.waits_long(), seconds=2 * backlog_seconds)
        seconds = time.monotonic() - began
        taken_of(sending.result())
    world.settle()
    return CaughtUp(backlog_entries=BATCH_ENTRIES * batches, live_a_second=live, seconds=seconds)


def markdown(run: paper.Run, late: list[Late], costs: list[Cost], caught: CaughtUp) -> str:
    """Return what docs/performance.md has of a run."""
    dearest = max(cost.ratio for cost in costs)
    goals = [
        ("CPU an entry by the edge ÷ to the core itself, the dearest", f"≤ {MOST_RATIO:g}", f"{dearest:.2f}"),
        ("catching up ÷ the live rate", f"≥ {LEAST_CATCHING_UP:g}", f"{caught.ratio:.1f}"),
    ]
    waits = [(one.round_trip_ms, f"{one.p50_ms:,.0f}", f"{one.p99_ms:,.0f}") for one in late]
    shown = [
        (one.entries, f"{one.core_us:,.0f}", f"{one.edge_us:,.0f}", f"{one.ratio:.2f}", _parts(one)) for one in costs
    ]
    return "\n".join([
        f"{run}.\n",
        paper.table(("", "goal", "measured"), goals),
        paper.table(("round trip to the core, ms", "found after, p50 ms", "p99 ms"), waits, words=0),
        paper.table(
            ("entries a request", "CPU µs an entry, to the core", "by the edge", "ratio", "of it"), shown, words=0
        ),
        f"{caught.backlog_entries:,} entries waited, as of {caught.backlog_entries // caught.live_a_second} s at"
        f" {caught.live_a_second:,} a second; that rate went on, and nothing was late any more after"
        f" {caught.seconds:.0f} s.\n",
    ])  # fmt: skip


def _parts(cost: Cost) -> str:
    return ", ".join(f"{name} {us:.2g}" for name, us in list(cost.of_it.items())[:6])


def main() -> int:
    """Start both, measure, print, and fail where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.edges", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--backlog", type=int, default=BACKLOG_SECONDS, metavar="SECONDS", help="of the live rate")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    chosen = f" BACKLOG={options.backlog}" * (options.backlog != BACKLOG_SECONDS)
    run = paper.begin("make bench-edges" + chosen + f" ROUNDS={options.rounds}" * (options.rounds != ROUNDS))
    with world() as running:
        waits = [late(running, round_trip_ms=one, seconds=LATE_SECONDS) for one in ROUND_TRIPS_MS]
        found = costs(running, rounds=options.rounds, seconds=LOAD_SECONDS)
        caught = caught_up(running, backlog_seconds=options.backlog)
    tables = markdown(run, waits, found, caught)
    print("\n" + tables)
    if options.write:
        paper.write("edges", tables)
    is_well = max(one.ratio for one in found) <= MOST_RATIO and caught.ratio >= LEAST_CATCHING_UP
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
