"""A run of a core and an edge: two thirds of the clients send to the edge, the others to the core."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from tests.chaos import invariants
from tests.chaos.campaign import Campaign
from tests.chaos.edge_stack import NAME, EdgeStack
from tests.chaos.outcomes import Outcome
from tests.chaos.tenants import make_rules, make_tenants
from tests.chaos.trial import Scenario
from tests.waiting import wait_until

#: Spent within a scenario or two, at core and edge at once.
EDGE_BYTES = 4_000_000
LOOK_EVERY_SECONDS = 0.05
#: Loans stand alike on both sides after the next word of the edge, which it gives every five seconds.
TOLD_SECONDS = 30
#: An edge is believed to be empty half a minute after it was told to retire.
RETIRED_SECONDS = 80
BEYOND = """
SELECT usage.organisation_id, used_bytes, usage.lent_bytes, monthly_bytes, coalesce(sum(unspent), 0)::bigint
  FROM quotas_monthlyusage AS usage JOIN quotas_limits AS limits USING (organisation_id)
  LEFT JOIN (SELECT organisation_id, period, lent_bytes - returned_bytes - settled_bytes AS unspent
               FROM quotas_loan) AS loan USING (organisation_id, period)
 GROUP BY usage.organisation_id, period, used_bytes, usage.lent_bytes, monthly_bytes
HAVING used_bytes + usage.lent_bytes > monthly_bytes OR usage.lent_bytes <> coalesce(sum(unspent), 0)
"""
OF_CORE = """
SELECT organisation_id, lent_bytes, returned_bytes, settled_bytes, short_bytes FROM quotas_loan ORDER BY 1, period
"""
OF_EDGE = """
SELECT organisation_id, borrowed.lent_bytes, borrowed.returned_bytes, usage.used_bytes, 0
  FROM quotas_borrowed AS borrowed JOIN quotas_monthlyusage AS usage USING (organisation_id, period) ORDER BY 1, period
"""
UNEVEN = "SELECT count(*) FROM quotas_loan WHERE lent_bytes <> returned_bytes + settled_bytes OR short_bytes > 0"
PAIRS = "SELECT count(*) FROM edges_edgebatch"


class LoanWatch(threading.Thread):
    """Looks at the core's loans again and again, and notes each moment at which more was used and lent than there is,
    or lent than edges hold."""

    def __init__(self, url: str) -> None:
        super().__init__(name="loan-watch", daemon=True)
        self.found: list[str] = []
        self.looks = 0
        self._url, self._ends = url, threading.Event()

    def stop(self) -> None:
        self._ends.set()
        self.join()

    def run(self) -> None:
        while not self._ends.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, application_name="witness") as database:
                    self._look(database)
            except psycopg.Error:  # PostgreSQL is killed now and then
                self._ends.wait(LOOK_EVERY_SECONDS)

    def _look(self, database: "psycopg.Connection[tuple[int, ...]]") -> None:
        while not self._ends.wait(LOOK_EVERY_SECONDS):
            rows = database.execute(BEYOND).fetchall()
            self.looks += 1
            self.found += [
                f"organisation {one}: used {used} and lent {lent} of {limit}, {held} are held by edges"
                for one, used, lent, limit, held in rows
            ]


class EdgeCampaign(Campaign):
    """The same, with an edge before the core."""

    def __init__(self, folder: Path, *, seed: str, store: str, say: Callable[[str], None] = print) -> None:
        super().__init__(folder, seed=seed, store=store, say=say)
        self.edge = EdgeStack(folder / "edge", core=self.stack)
        self.stacks.append(self.edge)

    def start(self) -> "EdgeCampaign":
        """Start both; what one organisation has left is lent to and fro, and its clients may be told to wait for it."""
        self.journals.mkdir(parents=True)
        self.stack.start()
        self.tenants = make_tenants(self.stack.manage, edge_bytes=EDGE_BYTES)
        make_rules(self.stack.manage, self.tenants)
        self.may_wait = [one.organisation_id for one in self.tenants if one.monthly_bytes == EDGE_BYTES]
        self.edge.enrol()
        self.edge.start()
        return self

    def stop(self) -> None:
        self.edge.stop()
        super().stop()

    def _run(self, scenario: Scenario) -> Outcome:
        watch = LoanWatch(self.stack.postgres.url)
        watch.start()
        outcome = super()._run(scenario)
        watch.stop()
        outcome.breaches += invariants.some(watch.found)
        outcome.happened["looks at used + lent"] = watch.looks
        return outcome

    def _check(self, scenario: Scenario, outcome: Outcome, *, healed_at: float) -> list[str]:
        return [*super()._check(scenario, outcome, healed_at=healed_at), *self._check_loans()]

    def _check_loans(self) -> Iterator[str]:
        """What the edge has charged is what the core has settled, and both say the same of each loan."""
        try:
            wait_until(lambda: self.stack.query(OF_CORE) == self.edge.query(OF_EDGE), seconds=TOLD_SECONDS)
        except AssertionError:
            yield f"loans at the core {self.stack.query(OF_CORE)}, at the edge {self.edge.query(OF_EDGE)}"

    def _check_all(self) -> Iterator[str]:
        """Retire the edge first: all that it was lent is settled or returned, and nothing of it is remembered."""
        try:
            self.stack.manage("retire_edge", NAME, "--wait", str(RETIRED_SECONDS))
        except AssertionError as error:
            yield f"the edge did not come to its end: {error}"
        for name, statement in (("loans do not come out even", UNEVEN), ("pairs of batches", PAIRS)):
            [(count,)] = self.stack.query(statement)
            if count:
                yield f"{count} {name} are left of an edge that has ended"
        yield from super()._check_all()
