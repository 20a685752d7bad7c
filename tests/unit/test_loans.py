"""Loans of a month's bytes to four edges, with requests that are lost, repeated and late: no byte is spent twice."""

import random
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from quotas.agreement import Ask, Month, Totals, agreed

PERIOD = date(2026, 1, 1)
LIMIT = 100_000
STEPS = 10_000


@dataclass
class World:
    """The core's month and loans, and four edges that know their own totals only."""

    rng: random.Random
    month: Month = field(default_factory=lambda: Month(LIMIT, 0, 0))
    loans: list[Totals] = field(default_factory=lambda: [Totals()] * 4)
    #: Of each edge: lent and returned as it knows them, charged, and forwarded.
    lent: list[int] = field(default_factory=lambda: [0] * 4)
    returned: list[int] = field(default_factory=lambda: [0] * 4)
    charged: list[int] = field(default_factory=lambda: [0] * 4)
    forwarded: list[int] = field(default_factory=lambda: [0] * 4)
    on_the_way: list[tuple[int, Ask]] = field(default_factory=list)
    answers: list[tuple[int, int]] = field(default_factory=list)

    def unspent(self, edge: int) -> int:
        return self.lent[edge] - self.returned[edge] - self.charged[edge]

    def charge_at_the_core(self) -> None:
        size = self.rng.randrange(1, 400)
        if self.month.used_bytes + self.month.lent_bytes + size <= self.month.limit_bytes:
            self.month.used_bytes += size

    def charge_at_an_edge(self) -> None:
        edge, size = self.rng.randrange(4), self.rng.randrange(1, 400)
        if size <= self.unspent(edge):
            self.charged[edge] += size

    def ask(self) -> None:
        edge, size = self.rng.randrange(4), self.rng.randrange(1, 1_000)
        needed = self.returned[edge] + self.charged[edge] + size
        self.on_the_way.append((edge, self._ask(edge, needed=needed, wanted=needed + self.rng.randrange(2_000))))

    def give_back(self) -> None:
        edge = self.rng.randrange(4)
        self.returned[edge] += self.unspent(edge)
        self.on_the_way.append((edge, self._ask(edge, needed=0, wanted=self.lent[edge])))

    def request_arrives(self) -> None:
        """In any order; half of them twice or more; some of them are lost, and so are answers."""
        if self.on_the_way:
            edge, ask = self.rng.choice(self.on_the_way)
            if self.rng.random() < 0.5:
                self.on_the_way.remove((edge, ask))
            if self.rng.random() < 0.9:
                self.agree(edge, ask)

    def agree(self, edge: int, ask: Ask) -> None:
        new = agreed(self.month, self.loans[edge], ask)
        self.month.lent_bytes += new.unspent_bytes - self.loans[edge].unspent_bytes
        self.loans[edge] = new
        self.answers.append((edge, new.lent_bytes))

    def answer_arrives(self) -> None:
        if self.answers:
            edge, lent = self.answers.pop(self.rng.randrange(len(self.answers)))
            if self.rng.random() < 0.8:
                self.lent[edge] = max(self.lent[edge], lent)

    def forward(self) -> None:
        edge = self.rng.randrange(4)
        size = self.rng.randint(0, self.charged[edge] - self.forwarded[edge])
        self.forwarded[edge] += size
        loan = self.loans[edge]
        assert size <= loan.unspent_bytes, "an edge has charged what was not lent to it, or has come back"
        self.loans[edge] = replace(loan, settled_bytes=loan.settled_bytes + size)
        self.month.used_bytes += size
        self.month.lent_bytes -= size

    def holds(self) -> None:
        assert self.month.used_bytes + self.month.lent_bytes <= LIMIT
        assert self.month.lent_bytes == sum(loan.unspent_bytes for loan in self.loans)
        assert all(0 <= loan.returned_bytes + loan.settled_bytes <= loan.lent_bytes for loan in self.loans)
        assert self.month.used_bytes + sum(self.charged) - sum(self.forwarded) <= LIMIT

    def _ask(self, edge: int, *, needed: int, wanted: int) -> Ask:
        return Ask(
            organisation_id=1,
            period=PERIOD,
            wanted_bytes=wanted,
            needed_bytes=needed,
            returned_bytes=self.returned[edge],
        )


@pytest.mark.parametrize("seed", range(3))
def test_used_and_lent_never_exceed_the_limit_and_all_loans_settle_to_zero(seed: int) -> None:
    world = World(random.Random(seed))
    steps = (
        world.charge_at_the_core, world.charge_at_an_edge, world.charge_at_an_edge, world.ask, world.give_back,
        world.request_arrives, world.request_arrives, world.answer_arrives, world.answer_arrives, world.forward,
    )  # fmt: skip
    for _ in range(STEPS):
        world.rng.choice(steps)()
        world.holds()
    assert min(world.charged) > 0

    for edge in range(4):  # everybody comes home
        world.agree(edge, world._ask(edge, needed=0, wanted=world.lent[edge]))
        world.lent[edge] = world.loans[edge].lent_bytes
        world.returned[edge] += world.unspent(edge)
        world.agree(edge, world._ask(edge, needed=0, wanted=world.lent[edge]))
    while world.charged != world.forwarded:
        world.forward()
    world.holds()
    assert world.month.lent_bytes == 0


@pytest.mark.parametrize(
    ("limit", "used", "lent", "loan", "ask", "expected"),
    [
        (1000, 0, 0, Totals(), (800, 10), 50),  # 5 % of what is left, at most
        (1000, 0, 0, Totals(), (30, 10), 30),  # no more than it wants
        (1000, 0, 0, Totals(), (800, 600), 600),  # never less than the batch needs
        (1000, 500, 0, Totals(), (800, 501), 0),  # unless that does not fit
        (1000, 500, 0, Totals(), (500, 500), 500),  # to the last byte
        (1000, 500, 500, Totals(), (1, 1), 0),
        (1000, 2000, 0, Totals(), (1, 1), 0),  # the limit was lowered
        (1000, 0, 100, Totals(100), (100, 100), 100),  # the same again changes nothing
        (1000, 0, 100, Totals(100), (50, 50), 100),  # nor does what comes late
    ],
)
def test_what_an_edge_is_lent(
    limit: int, used: int, lent: int, loan: Totals, ask: tuple[int, int], expected: int
) -> None:
    wanted, needed = ask
    asked = Ask(organisation_id=1, period=PERIOD, wanted_bytes=wanted, needed_bytes=needed)
    assert agreed(Month(limit, used, lent), loan, asked).lent_bytes == expected


def test_nothing_comes_back_that_was_not_lent_or_is_settled() -> None:
    asked = Ask(organisation_id=1, period=PERIOD, wanted_bytes=0, returned_bytes=10**9)
    assert agreed(Month(1000, 40, 60), Totals(100, 0, 40), asked) == Totals(100, 60, 40)
