"""One open tail: what it listens to, and the bounded queue between the hub and its stream."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from explore.query import Node
from explore.tail.backlog import QUEUE_EVENTS, Backlog
from storage.conditions import EVERYTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A server-sent event (HTML Living Standard, 9.2). Without a name and data it only moves the reader's position."""

    id: str | None = None
    name: str | None = None
    data: str | None = None

    def encode(self) -> bytes:
        """Return the event as it goes over the wire."""
        lines = [f"id: {self.id}"] if self.id is not None else []
        if self.name is not None:
            lines.append(f"event: {self.name}")
        if self.data is not None:
            lines.append(f"data: {self.data}")
        return ("\n".join(lines) + "\n\n").encode()

    @property
    def size(self) -> int:
        """About how much memory it takes."""
        return 200 + len(self.data or "")


def notice(code: str, detail: str) -> Event:
    """Return an event that tells the reader something about the stream itself."""
    return Event(name="notice", data=msgspec.json.encode({"code": code, "detail": detail}).decode())


@dataclass(kw_only=True, eq=False)
class Listener:
    """A tail of one organisation through one query; `owner` is the key or member of staff behind it."""

    owner: str
    organisation_id: int
    query: str
    node: Node = EVERYTHING  # what `query` means
    joined: int = 0  # the first of the hub's windows that it hears
    queue: Backlog = field(default_factory=lambda: Backlog(QUEUE_EVENTS))
    is_cut: bool = False

    def offer(self, events: Sequence[Event]) -> None:
        """Queue `events`; a listener that does not keep up is cut, and resumes from the last event it got."""
        if self.is_cut:
            return
        for event in events:
            try:
                self.queue.put_nowait(event)
            except asyncio.QueueFull:
                self.is_cut = True
                return
