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
    """A server-sent event (HTML Living Standard, 9.2). Without a name and data it only moves the reader's position.

    `data` is UTF-8 without line breaks: one emoji would make a text of four bytes a character.
    """

    id: str | None = None
    name: str | None = None
    data: bytes | None = None

    def encode(self) -> bytes:
        """Return the event as it goes over the wire."""
        lines = [b"id: " + self.id.encode()] if self.id is not None else []
        if self.name is not None:
            lines.append(b"event: " + self.name.encode())
        if self.data is not None:
            lines.append(b"data: " + self.data)
        return b"\n".join(lines) + b"\n\n"

    @property
    def size(self) -> int:
        """About how much memory it takes."""
        return 200 + len(self.id or "") + len(self.data or b"")


def notice(code: str, detail: str) -> Event:
    """Return an event that tells the reader something about the stream itself."""
    return Event(name="notice", data=msgspec.json.encode({"code": code, "detail": detail}))


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
