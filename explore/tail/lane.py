"""The listeners of one organisation, and the new batches that wait to be read for them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from explore.query import Node
from explore.tail.hearing import Heard
from explore.tail.listener import Event, Listener, notice
from explore.tail.position import Positions
from storage.arrivals import Arrival, Window

#: A lane that is behind by more than this goes on from the present.
LONGEST_LAG_SECONDS = 60.0
#: So many batches wait at most, whatever their age.
MOST_BATCHES = 5_000
LAG_WORTH_TELLING_SECONDS = 5.0
LAGGING = notice("lagging", "Your organisation's live tails ask for more than they get time for: entries come late.")
SKIPPED = "Your organisation's live tails asked for more than they got time for, and left entries out. Search for them."


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch to be read, beyond `window.after`.

    It came in the hub's window with this `number`, whose beginning was the present at `seen_at`.
    """

    arrival: Arrival
    window: Window
    number: int
    seen_at: datetime
    found_at: float


@dataclass(kw_only=True, eq=False)
class Lane:
    """What one organisation hears, in order."""

    organisation_id: int
    positions: Positions = field(init=False)
    listeners: set[Listener] = field(default_factory=set)
    waiting: deque[Waiting] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.positions = Positions(self.organisation_id)

    def lag_seconds(self, now: float) -> float:
        """Return how long the first of the waiting batches has been waiting."""
        return now - self.waiting[0].found_at if self.waiting else 0.0

    def is_too_late(self, now: float) -> bool:
        """Tell whether to go on from the present."""
        return self.lag_seconds(now) > LONGEST_LAG_SECONDS or len(self.waiting) > MOST_BATCHES

    def queries(self, number: int) -> dict[str, Node]:
        """Return what is asked for by those who hear the window `number`: each query once."""
        return {one.query: one.node for one in self.listeners if one.joined <= number and not one.is_cut}

    def hand_out(self, heard: Sequence[Heard], number: int) -> None:
        """Give each listener what its query found in the window `number`."""
        found: dict[str, list[Event]] = {}
        for query, event in heard:
            found.setdefault(query, []).append(event)
        for listener in self.listeners:
            if listener.joined <= number and listener.query in found:
                listener.offer(found[listener.query])

    def skip(self, position: str) -> None:
        """Leave out what waits, and say so; `position` is the present's."""
        self.waiting.clear()
        self.tell(Event(id=position, name="notice", data=notice("gap", SKIPPED).data))

    def tell(self, event: Event) -> None:
        """Give `event` to everybody."""
        for listener in self.listeners:
            listener.offer([event])

    def cut(self) -> None:
        """Let everybody go: they come back, and resume."""
        for listener in self.listeners:
            listener.is_cut = True
