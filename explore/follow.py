"""New entries of one organisation, one after the other, for a reader that waits for them."""

import time
from collections.abc import Iterator

from explore.grouped import with_groups
from explore.query import Node, matches
from explore.search import FoundEntry
from explore.shape import as_mapping
from storage import arrivals
from storage.arrivals import Window
from storage.store import entries_of

POLL_SECONDS = 0.5


def follow(organisation_id: int, query: Node, *, poll_seconds: float = POLL_SECONDS) -> Iterator[FoundEntry]:
    """Yield what is stored from now on and fulfils `query`, in the order of storing; never ends."""
    seen = arrivals.snapshot()
    while True:
        until = arrivals.snapshot()
        for entry in _stored(Window(seen=seen, until=until), organisation_id):
            if matches(query, as_mapping(entry)):
                yield entry
        seen = until
        time.sleep(poll_seconds)


def _stored(window: Window, organisation_id: int) -> Iterator[FoundEntry]:
    left: Window | None = window
    while left:
        batches, left = arrivals.of(left, organisations=[organisation_id])
        for arrival in batches:
            yield from with_groups(organisation_id, entries_of(arrival))
