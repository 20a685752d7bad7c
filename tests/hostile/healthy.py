"""A client that behaves, while others do not: what it is answered, and how fast."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings

from tests.hostile.site import Site, batch
from tests.waiting import wait_until

PAUSE_SECONDS = 0.05


@dataclass
class Healthy:
    """What a client saw that sent a small batch at a time, each on a new connection."""

    #: How long its batches took while it was alone: on a busy machine, long.
    alone_seconds: float
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def wait_until_served(self, *, times: int = 5) -> None:
        """Wait until so many batches have been answered."""
        wait_until(lambda: len(self.seconds) >= times, what="a healthy client's answers")

    def assert_was_served(self) -> None:
        """Every batch was kept, and none waited until those who are slow were cut off."""
        assert set(self.statuses) == {200}
        assert max(self.seconds) < settings.BODY_STEP_SECONDS / 2 + 5 * self.alone_seconds


@contextmanager
def healthy_client(site: Site) -> Iterator[Healthy]:
    """Send batches for as long as the block runs."""
    healthy, stop = Healthy(max(_send(site)[1] for _ in range(3))), threading.Event()

    def send() -> None:
        while not stop.wait(PAUSE_SECONDS):
            status, seconds = _send(site)
            healthy.statuses.append(status)
            healthy.seconds.append(seconds)

    thread = threading.Thread(target=send, name="healthy")
    thread.start()
    try:
        yield healthy
    finally:
        stop.set()
        thread.join()


def _send(site: Site) -> tuple[int, float]:
    began = time.monotonic()
    return site.post(batch("healthy")).status_code, time.monotonic() - began
