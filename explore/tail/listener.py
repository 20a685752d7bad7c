"""One open tail: what it listens to, and the bounded queue between the hub and its stream."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

from explore.query import Node, matches
from explore.search import as_json
from explore.tail.position import Position
from storage.found import FoundEntry
from storage.receipts import Window

QUEUE_EVENTS = 2000


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


def notice(code: str, detail: str) -> Event:
    """Return an event that tells the reader something about the stream itself."""
    return Event(name="notice", data=msgspec.json.encode({"code": code, "detail": detail}).decode())


@dataclass(frozen=True, slots=True)
class Found:
    """An entry in the two forms that listeners need: to be matched, and to be sent."""

    id: int
    mapping: dict[str, Any]
    text: str

    @classmethod
    def of(cls, entry: FoundEntry) -> "Found":
        """Prepare `entry` once for all listeners. JSON has no line breaks, so it fits one line of data."""
        mapping = as_json(entry)
        return cls(entry.id, mapping, msgspec.json.encode(mapping).decode())


@dataclass(kw_only=True, eq=False)
class Listener:
    """A tail of one organisation through one query."""

    owner: str
    organisation_id: int
    query: Node
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE_EVENTS))
    is_cut: bool = False

    def select(self, found: list[Found], *, window: Window) -> list[Event]:
        """Return the events of those entries that the query matches."""
        return [
            Event(id=str(Position(seen=window.seen, until=window.until, after=entry.id)), data=entry.text)
            for entry in found
            if matches(self.query, entry.mapping)
        ]

    def offer(self, events: list[Event]) -> None:
        """Queue `events`; a listener that does not keep up is cut, and resumes from the last event it got."""
        if self.is_cut:
            return
        for event in events:
            try:
                self.queue.put_nowait(event)
            except asyncio.QueueFull:
                self.is_cut = True
                return
