"""Every side under every load, in turns, again and again: what else the machine does meanwhile falls on all of them."""

import statistics
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import msgspec

from tests.benchmarks.load import Load, send
from tests.benchmarks.sides import Ours, Side
from tests.benchmarks.taken import Seconds

ENTRIES = (1, 20, 100, 1_000)
CONNECTIONS = (8, 64)


class Cell(NamedTuple):
    """What is measured: a side, entries a request (0: it takes none), connections, and whether drains are held."""

    side: str
    entries: int
    connections: int
    drains_held: bool = False


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One load of a cell. CPU is user and system in µs a request, by part: until answered, until it can be found."""

    requests_a_second: float
    p99_ms: float
    client_us: float
    accept_us: dict[str, float]
    found_us: dict[str, float]

    @property
    def cpu_us(self) -> float:
        return sum(self.accept_us.values())


Measurements = dict[Cell, list[Measured]]


def measure(ours: Ours, others: Sequence[Side], *, rounds: int, seconds: float) -> Measurements:
    """Measure all cells so many times."""
    sides = [*others, ours.side]
    found: Measurements = {}
    for side in sides:  # the month opens, statements are prepared, caches fill
        _load(side, Cell(side.name, 1, 8), seconds=1)
    for number in range(rounds):
        for cell, side in _cells(sides, ours.side.name):
            with ours.drains_held() if cell.drains_held else nullcontext():
                measured = _load(side, cell, seconds=seconds, settle=not cell.drains_held)
            ours.settle()
            found.setdefault(cell, []).append(measured)
        ours.forget()
        print(f"round {number + 1} of {rounds}", flush=True)
    return found


def _cells(sides: Sequence[Side], held: str) -> list[tuple[Cell, Side]]:
    return [
        (Cell(side.name, entries, connections, drains_held), side)
        for connections in CONNECTIONS
        for entries in (0, *ENTRIES)
        for side in sides
        for drains_held in (True, False)
        if side.takes_entries is (entries > 0) and (side.name == held or not drains_held)
    ]


def _load(side: Side, cell: Cell, *, seconds: float, settle: bool = True) -> Measured:
    load = Load(
        address=side.address,
        requests=(side.request(cell.entries),),
        connections=cell.connections,
        seconds=seconds,
    )
    before = side.cpu()
    sent = send(load).all_taken()
    answered = side.cpu()
    if settle:
        side.settle()

    def us(until: Seconds) -> dict[str, float]:
        return {part: 1e6 * (until[part] - before.get(part, 0.0)) / sent.requests for part in until}

    return Measured(
        requests_a_second=sent.requests_a_second,
        p99_ms=1e3 * sent.percentile(0.99),
        client_us=1e6 * sent.cpu_seconds / sent.requests,
        accept_us=us(answered),
        found_us=us(side.cpu()),
    )


def median(cell: Sequence[Measured]) -> Measured:
    """Return the median of each figure by itself."""

    def of(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in cell))

    def parts(name: str) -> dict[str, float]:
        taken = [getattr(one, name) for one in cell]
        return {part: statistics.median(one.get(part, 0.0) for one in taken) for part in taken[0]}

    return Measured(
        requests_a_second=of("requests_a_second"),
        p99_ms=of("p99_ms"),
        client_us=of("client_us"),
        accept_us=parts("accept_us"),
        found_us=parts("found_us"),
    )
