"""A client that behaves, while others do not: what it is answered, and how fast."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.hostile.site import Site, batch

PAUSE_SECONDS = 0.05


@dataclass
class Healthy:
    """What a client saw that sent a small batch at a time, each on a new connection."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def assert_was_served(self, *, within_seconds: float, at_least: int = 5) -> None:
        """Every batch was kept, and none took longer than `within_seconds`."""
        assert len(self.statuses) >= at_least
        assert set(self.statuses) == {200}
        assert max(self.seconds) < within_seconds


@contextmanager
def healthy_client(site: Site) -> Iterator[Healthy]:
    """Send batches for as long as the block runs."""
    healthy, stop = Healthy(), threading.Event()

    def send() -> None:
        while not stop.wait(PAUSE_SECONDS):
            began = time.monotonic()
            healthy.statuses.append(site.post(batch("healthy")).status_code)
            healthy.seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=send, name="healthy")
    thread.start()
    try:
        yield healthy
    finally:
        stop.set()
        thread.join()
