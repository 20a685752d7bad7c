"""What `make bench` writes: goals are held to what was measured, and the document says what the figures say."""

import msgspec
import pytest

from tests.benchmarks import paper, report
from tests.benchmarks.ingest import FIGURES
from tests.benchmarks.paces import AtPace, BesideReaders, BesideSpent
from tests.benchmarks.report import DrainCost, Report
from tests.benchmarks.rounds import CONNECTIONS, ENTRIES, Cell, Measured, Measurements
from tests.benchmarks.sides import DJANGO, EMPTY, MIDDLEWARES, OURS

PACE = AtPace(requests_a_second=700, p50_ms=5, p99_ms=50)
READERS = BesideReaders(entries=1_000, reads_a_second=20, alone=PACE, same_pace=PACE, own_pace=PACE)
SPENT = BesideSpent(neighbour_a_second=500, alone_ms=10, accepted_ms=11, refused_ms=13)
DRAIN = {1: DrainCost(drain_us=60, copy_us=10), 20: DrainCost(drain_us=16, copy_us=10)}


def measured(rate: float, us: float) -> Measured:
    return Measured(requests_a_second=rate, p99_ms=1, client_us=10, accept_us={"web": us}, found_us={"web": us})


def found(*, rates: tuple[float, ...]) -> Measurements:
    """Of each bound the same at each round; of ours a rate a round."""
    bounds = {EMPTY: 10_000, DJANGO: 2_000, MIDDLEWARES: 1_000}
    cells: Measurements = {
        Cell(side, 0, connections): [measured(rate, 1e6 / rate)] * len(rates)
        for connections in CONNECTIONS
        for side, rate in bounds.items()
    }
    for connections in CONNECTIONS:
        for entries in ENTRIES:
            for drains_held in (True, False):
                cells[Cell(OURS, entries, connections, drains_held)] = [measured(rate, 1e6 / rate) for rate in rates]
    return cells


def test_ratio_is_the_median_of_the_rounds() -> None:
    goals = report.goals(found(rates=(500, 1_500, 1_000)), DRAIN, READERS, SPENT)
    assert [goal.measured for goal in goals[:4]] == [[1, 1], [0.5, 0.5], [2], [1, 1]]


def test_goal_is_held_when_all_its_figures_are() -> None:
    goals = report.goals(found(rates=(1_000,)), DRAIN, READERS, SPENT)
    assert [goal.is_held for goal in goals] == [False, True, True, True, False, True, False]
    assert goals[4].measured == [6, 1.6, None]  # what was not measured is not held


def test_document_says_what_the_figures_say() -> None:
    figures = msgspec.json.decode(FIGURES.read_bytes(), type=Report)
    assert paper.section(paper.DOCUMENT.read_text(), "bench") == report.markdown(figures)


def test_section_that_is_not_there_is_missed() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        paper.section("nothing", "bench")
