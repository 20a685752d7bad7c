"""What a run of `make bench` has found: goals beside what was measured, and the table of all sides."""

import statistics
from collections.abc import Callable, Iterator

import msgspec

from tests.benchmarks.paces import AtPace, BesideReaders, BesideSpent, StoredAfter
from tests.benchmarks.paper import Run, table
from tests.benchmarks.rounds import Cell, Measured, Measurements, median
from tests.benchmarks.sides import DJANGO, EMPTY, MIDDLEWARES, OURS

#: Parts of the product as people call them; whatever else it runs are `others`.
PARTS = {"web": "web", "postgres": "PostgreSQL", "valkey": "Valkey", "worker": "worker"}


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What was aimed at: bounds and what was measured, in the order that `what` names; None was not measured."""

    what: str
    bounds: list[float]
    measured: list[float | None]
    at_least: bool = True

    @property
    def is_held(self) -> bool:
        pairs = zip(self.measured, self.bounds, strict=True)
        return all(it is not None and (it >= bound if self.at_least else it <= bound) for it, bound in pairs)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of a side under a load; `storing` is the load whose entries are waited for, until they can be found."""

    side: str
    entries: int
    connections: int
    accepting: Measured
    storing: Measured


class DrainCost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU µs an entry, of the drain and of a bare COPY of the same rows."""

    drain_us: float
    copy_us: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run."""

    run: Run
    goals: list[Goal]
    rows: list[Row]
    drain: dict[int, DrainCost]
    stored_after: StoredAfter
    beside_readers: BesideReaders
    beside_spent: BesideSpent


def goals(found: Measurements, drain: dict[int, DrainCost], readers: BesideReaders, spent: BesideSpent) -> list[Goal]:
    """Hold what was found to the goals. Ratios are of a round, whose loads follow each other; of them the median."""

    def rate(side: str, *loads: tuple[int, int]) -> list[float | None]:
        return [_ratio(found, side, entries, connections, _rate) for entries, connections in loads]

    ratios = [cost.drain_us / cost.copy_us if (cost := drain.get(n)) else None for n in (1, 20, 1_000)]
    return [
        Goal(
            what="accept, 1 entry: requests/s ÷ the empty view behind our middlewares, 8 · 64 connections",
            bounds=[1.0, 1.5],
            measured=rate(MIDDLEWARES, (1, 8), (1, 64)),
        ),
        Goal(
            what="accept, 1 · 1,000 entries: requests/s ÷ the empty Django view, 8 connections",
            bounds=[0.4, 0.04],
            measured=rate(DJANGO, (1, 8), (1_000, 8)),
        ),
        Goal(
            what="accept, 1 entry: CPU ÷ the empty Django view, 8 connections",
            bounds=[3.5],
            measured=[_ratio(found, DJANGO, 1, 8, lambda it: it.cpu_us)],
            at_least=False,
        ),
        Goal(
            what="accept, 100 · 1,000 entries: requests/s ÷ the empty view behind our middlewares, 8 connections",
            bounds=[0.6, 0.15],
            measured=rate(MIDDLEWARES, (100, 8), (1_000, 8)),
        ),
        Goal(
            what="drain: CPU ÷ bare COPY of the same rows, batches of 1 · 20 · 1,000",
            bounds=[6, 1.6, 1.1],
            measured=ratios,
            at_least=False,
        ),
        Goal(
            what="p99 in ms of accepting 1 entry beside full readers, at 70 % of the most alone · beside them",
            bounds=[50, 50],
            measured=[readers.same_pace.p99_ms, readers.own_pace.p99_ms],
            at_least=False,
        ),
        Goal(
            what=f"a stranger's p99 beside {spent.neighbour_a_second} requests/s of a spent quota ÷ alone",
            bounds=[1.2],
            measured=[spent.refused_ms / spent.alone_ms],
            at_least=False,
        ),
    ]


def _rate(measured: Measured) -> float:
    return measured.requests_a_second


def _ratio(
    found: Measurements, side: str, entries: int, connections: int, figure: Callable[[Measured], float]
) -> float:
    ours, bound = found[Cell(OURS, entries, connections, True)], found[Cell(side, 0, connections)]
    return statistics.median(figure(mine) / figure(its) for mine, its in zip(ours, bound, strict=True))


def rows(found: Measurements) -> list[Row]:
    """Return a row for each side and load, in the order in which they were measured."""
    return [
        Row(
            side=cell.side,
            entries=cell.entries,
            connections=cell.connections,
            accepting=median(found.get(cell._replace(drains_held=True), measured)),
            storing=median(measured),
        )
        for cell, measured in found.items()
        if not cell.drains_held
    ]


def markdown(report: Report) -> str:
    """Return it as it stands in docs/performance.md."""
    return "\n".join([f"{report.run}.\n", _goals(report), _sides(report), _words(report)])


def _goals(report: Report) -> str:
    return table(
        ["", "goal", "measured", "held"],
        (
            (it.what, _bounds(it), " · ".join(map(_number, it.measured)), "yes" if it.is_held else "no")
            for it in report.goals
        ),
    )


def _bounds(goal: Goal) -> str:
    return " · ".join(f"{'≥' if goal.at_least else '≤'} {_number(bound)}" for bound in goal.bounds)


def _sides(report: Report) -> str:
    head = [
        "", "entries a request", "connections", "requests/s", "p99 ms", "CPU µs a request", "of it",
        "CPU µs an entry", "CPU µs an entry until stored", "of it",
    ]  # fmt: skip
    return table(head, map(_cells, sorted(report.rows, key=lambda row: row.connections)))


def _cells(row: Row) -> Iterator[str]:
    accepting, storing = row.accepting, row.storing
    taken = accepting.cpu_us or None  # None: not ours to see
    yield row.side
    yield f"{row.entries:,}" if row.entries else ""
    yield str(row.connections)
    yield f"{accepting.requests_a_second:,.0f}"
    yield _number(accepting.p99_ms)
    yield _number(taken)
    if row.entries:
        yield _parts(accepting.accept_us)
        yield _number(taken and taken / row.entries)
        yield _number(taken and sum(storing.found_us.values()) / row.entries)
        yield _parts(storing.found_us, entries=row.entries)
    else:
        yield from [""] * 4


def _parts(us: dict[str, float], *, entries: int = 1) -> str:
    named = {name: us.get(part, 0.0) for part, name in PARTS.items()}
    named["others"] = sum(taken for part, taken in us.items() if part not in PARTS)
    return ", ".join(f"{name} {_number(taken / entries)}" for name, taken in named.items()) if "web" in us else ""


def _words(report: Report) -> str:
    readers, spent, stored = report.beside_readers, report.beside_spent, report.stored_after
    costs = "; ".join(
        f"batches of {entries:,}: {_number(cost.drain_us)} ÷ {_number(cost.copy_us)}"
        for entries, cost in report.drain.items()
    )
    [client] = [row.accepting for row in report.rows if (row.side, row.connections) == (EMPTY, 8)]
    ours = next(row.accepting for row in report.rows if (row.side, row.entries, row.connections) == (OURS, 1, 8))
    return "\n".join([
        f"- The client takes {_number(client.client_us)} µs a request of the empty RSGI application (which takes"
        f" {_number(client.cpu_us)}), {_number(ours.client_us)} of ours with one entry: it fills"
        f" {client.client_us * client.requests_a_second / 1e6:.0%} and"
        f" {ours.client_us * ours.requests_a_second / 1e6:.0%} of a core.",
        f"- Drain, CPU µs an entry ÷ those of bare COPY: {costs or 'not measured'}.",
        f"- From acceptance to the store at {stored.entries_a_second:,} entries/s: p50 {_number(stored.p50_ms)} ms,"
        f" p99 {_number(stored.p99_ms)} ms.",
        f"- 70 % of the most are {_pace(readers.alone)} alone; at the same pace beside more readers than have a place"
        f" ({_number(readers.reads_a_second)} answers/s from {readers.entries:,} entries), {_pace(readers.same_pace)};"
        f" and 70 % of the most beside them, {_pace(readers.own_pace)}.",
        f"- A stranger's p99: {_number(spent.alone_ms)} ms alone, {_number(spent.accepted_ms)} ms beside"
        f" {spent.neighbour_a_second} requests/s that are accepted, {_number(spent.refused_ms)} ms beside as many of a"
        " spent quota.",
        "",
    ])  # fmt: skip


def _pace(pace: AtPace) -> str:
    rate, p50, p99 = map(_number, (pace.requests_a_second, pace.p50_ms, pace.p99_ms))
    return f"{rate} requests/s with p50 {p50} ms, p99 {p99} ms"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{round(value, 4):.2g}"
