"""A run: one product, one scenario after another under load, and after each the question whether anything was lost."""

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import format_exc

from tests.chaos import invariants
from tests.chaos.clients import Crowd
from tests.chaos.entries import POSTGRESQL
from tests.chaos.journal import JournalledBatch, read_journals
from tests.chaos.outcomes import Outcome, line
from tests.chaos.proxy import Mode
from tests.chaos.resources import Resources
from tests.chaos.stack import Stack
from tests.chaos.tenants import Tenant, make_rules, make_tenants
from tests.chaos.trial import Scenario, Trial
from tests.waiting import wait_until, wait_until_none

EDGE_BYTES = 12_000_000
#: The spool becomes no emptier, and batches are not grouped, for so long: they never will.
DRAIN_SECONDS = 90
REGROUP_SECONDS = 150  # workers look every minute for batches whose errors nobody counted
#: After the last fault a refusal may follow for so long, as connections are found broken; then none may.
RECOVERY_SECONDS = 2.5
OBSERVED_SECONDS = 0.7
MOST_TOLD = 3000


class Campaign:
    """The stack of a run and what its clients were told; `say` hears of each outcome."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: str,
        store: str = POSTGRESQL,
        say: Callable[[str], None] = print,
        with_disks: bool = False,
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.say = say
        self.journals = folder / "journals"
        self.stack = Stack(folder / "var", store=store, with_disks=with_disks)
        self.stacks = [self.stack]  # the first keeps what all take; clients of public keys send to the last
        self.tenants: Sequence[Tenant] = ()
        self.may_wait: Collection[int] = ()
        self.batches: dict[str, JournalledBatch] = {}
        self.failures = 0
        self.outcomes: list[Outcome] = []
        self.before: list[Resources] = []

    def start(self) -> "Campaign":
        """Start the product, with three organisations that want to be told of much."""
        self.journals.mkdir(parents=True)
        self.stack.start()
        self.tenants = make_tenants(self.stack.manage, edge_bytes=EDGE_BYTES)
        make_rules(self.stack.manage, self.tenants)
        return self

    def stop(self) -> None:
        self.stack.stop()

    def run(self, scenarios: Iterable[Scenario]) -> list[str]:
        """Run the scenarios up to the first that fails, then look at everything once more; return all breaches.

        What a failure leaves behind would be held against the next one.
        """
        for scenario in scenarios:
            outcome = self._run(scenario)
            self.outcomes.append(outcome)
            self.say(line(outcome))
            if outcome.breaches:
                break
            if not self.before:
                self.before = [Resources.of(one) for one in self.stacks]
        final: list[str] = []
        with _told(final):
            final += self._check_all()
            [(found,)] = self.stack.query("SELECT count(*) FROM alerts_incident")
            self.say(f"incidents that rules found meanwhile: {found}")
        self.say(f"afterwards: {'everything is as it should be' if not final else 'NOT as it should be'}")
        return [f"{one.scenario.name}: {breach}" for one in self.outcomes for breach in one.breaches] + final

    def _run(self, scenario: Scenario) -> Outcome:
        outcome = Outcome(scenario=scenario, skipped=scenario.skip())
        if outcome.skipped:
            return outcome
        began = time.monotonic()
        rng = random.Random(f"{self.seed} {scenario.name}")
        urls = [one.url for one in reversed(self.stacks)]
        crowd = Crowd(scenario.name, self.tenants, urls=urls, folder=self.journals, seed=self.seed)
        trial = Trial(stacks=self.stacks, crowd=crowd, rng=rng, happened=outcome.happened)
        with _told(outcome.breaches):
            with crowd:
                with _told(outcome.breaches):
                    scenario.act(trial)
                self._heal()
                time.sleep(RECOVERY_SECONDS)
                healed_at = time.time()
                time.sleep(OBSERVED_SECONDS)
            crowd.settle()
            outcome.happened.update(trial.firings())
            outcome.breaches += self._check(scenario, outcome, healed_at=healed_at)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _heal(self) -> None:
        for stack in self.stacks:
            for link in stack.links.values():
                link.become(Mode.PASS)
                link.unplan()
                link.let_go()
        for stack in self.stacks:
            stack.disarm()

    def _check(self, scenario: Scenario, outcome: Outcome, *, healed_at: float) -> list[str]:
        """Wait until the spool is empty, and compare what the journals and the log store say."""
        failures = sum(times for firing, times in outcome.happened.items() if firing.endswith("=bug"))
        self.failures += failures
        batches = read_journals(self.journals.glob(f"{scenario.name}-*.jsonl"))
        for batch in batches.values():
            batch.is_503_final = scenario.is_503_final
        self.batches |= batches
        try:
            wait_until_none(self._waiting, what=self.stacks[-1].tail_of_logs, seconds=DRAIN_SECONDS)
        except AssertionError as error:
            return [f"the spool is not empty: {error}"[:3000]]
        try:
            wait_until_none(self._ungrouped, what=self.stack.tail_of_logs, seconds=REGROUP_SECONDS)
        except AssertionError as error:
            return [f"batches are left whose errors nobody counted: {error}"[:3000]]
        stored = invariants.read_stored(self.stack, scenario.name, self.tenants)
        outcome.count(batches, stored)
        missing = [f"{fault} never happened" for fault in scenario.faults if not outcome.happened[fault]]
        return [
            *missing,
            *invariants.some(invariants.check_entries(batches, stored)),
            *invariants.some(
                invariants.check_answers(
                    batches,
                    failures=failures,
                    healed_at=healed_at,
                    slowest_seconds=scenario.slowest_seconds,
                    may_wait=self.may_wait,
                )
            ),
            *invariants.some(invariants.check_money(self.stack, self.batches.values(), self.tenants)),
            *invariants.some(invariants.check_errors(self.stack, self.tenants)),
        ]

    def _check_all(self) -> Iterator[str]:
        try:
            wait_until(self._holds_no_claim)  # those of killed drains are released after 5 s
        except AssertionError:
            yield "claims of drains are left behind"
        for stack in self.stacks:
            yield from invariants.check_left_over(stack)
            yield from invariants.check_logs(stack, failures=self.failures)
            yield from invariants.check_secrets(stack, self.tenants)
        yield from invariants.check_allowances(self.stacks[-1], self.tenants)
        yield from invariants.check_ledger(self.stack)
        yield from invariants.check_isolation(self.stack, self.tenants)
        entries = sum(sums.entries for sums in self.stack.entries.sums().values())
        known = sum(outcome.entries for outcome in self.outcomes)
        if entries != known:
            yield f"{entries} entries are stored, {known} were found scenario by scenario"
        for stack, before in zip(self.stacks, self.before, strict=False):
            yield from Resources.of(stack).check(before)

    def _waiting(self) -> int:
        """Count the batches that no log store has; those of an edge first, which come to the core."""
        return sum(one.spooled() for one in reversed(self.stacks))

    def _ungrouped(self) -> int:
        return self.stack.count("SELECT count(*) FROM storage_receipt WHERE errors < 0")

    def _holds_no_claim(self) -> bool:
        return all(one.query("SELECT count(*) FROM ingest_drainclaim") == [(0,)] for one in self.stacks)


@contextmanager
def _told(breaches: list[str]) -> Iterator[None]:
    """Hold against a scenario whatever ends it early, so that the others are run all the same."""
    try:
        yield
    except Exception as error:
        breaches.append(f"{error}"[:MOST_TOLD] if isinstance(error, AssertionError) else format_exc()[-MOST_TOLD:])
