"""What a scenario is, what it acts on, and how one is registered."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.clients import TIMEOUT_SECONDS, Crowd
from tests.chaos.stack import Stack
from tests.waiting import wait_until_none

#: Nothing that was planned has happened for so long, which is more than the busiest machine needs: it never will.
FIRE_SECONDS = 300


@dataclass(kw_only=True)
class Trial:
    """One scenario on its way: what it acts on, and what has happened."""

    stacks: Sequence[Stack]
    crowd: Crowd
    rng: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    fired_before: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fired_before = [len(one.firings()) for one in self.stacks]

    @property
    def stack(self) -> Stack:
        """The product; with an edge, the core."""
        return self.stacks[0]

    @property
    def edge(self) -> Stack:
        """The edge, of a scenario that needs one."""
        return self.stacks[1]

    def firings(self) -> list[str]:
        """Return what fault points did in this trial."""
        before = zip(self.stacks, self.fired_before, strict=True)
        return [firing for stack, fired in before for firing in stack.firings()[fired:]]

    def note(self, fault: str, times: int = 1) -> None:
        """Count a fault that has been brought about."""
        self.happened[fault] += times

    def run_on(self, lowest: float = 0.8, highest: float = 1.6) -> None:
        """Let the load run for a while."""
        time.sleep(self.rng.uniform(lowest, highest))

    def wait_for_firings(self, plan: str) -> None:
        """Wait until each rule of `plan` has fired."""
        names = {rule.strip().partition(":")[0] for rule in plan.split(",")}
        wait_until_none(
            lambda: len(names - set(self.firings())),
            what=lambda: f"{names - set(self.firings())}",
            seconds=FIRE_SECONDS,
        )

    def run_armed(self, *, web: str, worker: str) -> None:
        """Run with these points armed until each has fired. Only a request of several rows meets `after_spool_row`."""
        self.stack.arm(web=web, worker=worker)
        self.crowd.bulk.send(large=True)
        self.crowd.bulk.settle()
        self.wait_for_firings(f"{web},{worker}")
        self.stack.disarm()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A way to break the product; `is_503_final` where a 503 must mean that nothing was kept.

    `store` is the one whose entries it is about; nothing where that does not matter.
    """

    name: str
    act: Callable[[Trial], None]
    faults: tuple[str, ...]
    is_smoke: bool = False
    is_503_final: bool = False
    needs_disks: bool = False
    needs_edge: bool = False
    slowest_seconds: float = TIMEOUT_SECONDS
    skip: Callable[[], str] = str
    store: str = ""

    @property
    def summary(self) -> str:
        return (self.act.__doc__ or "").strip().splitlines()[0]


REGISTERED: dict[str, Scenario] = {}


def scenario(
    *faults: str,
    smoke: bool = False,
    final: bool = False,
    needs_disks: bool = False,
    needs_edge: bool = False,
    slowest_seconds: float = TIMEOUT_SECONDS,
    skip: Callable[[], str] = str,
    store: str = "",
) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Register a scenario that must bring about `faults`."""

    def register(act: Callable[[Trial], None]) -> Callable[[Trial], None]:
        made = Scenario(
            name=act.__name__,
            act=act,
            faults=faults,
            is_smoke=smoke,
            is_503_final=final,
            needs_disks=needs_disks,
            needs_edge=needs_edge,
            slowest_seconds=slowest_seconds,
            skip=skip,
            store=store,
        )
        REGISTERED[made.name] = made
        return act

    return register
