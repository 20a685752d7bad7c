"""How long an answered batch is on its way into the log store, at a steady rate."""

import statistics
import threading
import time

import psycopg

from tests.acceptance.product import Product
from tests.benchmarks.client import Connection, entries, request_bytes

BATCH_ENTRIES = 100
LOOK_EVERY_SECONDS = 0.01


class Arrivals:
    """Looks into the store again and again for the batches that it was told of."""

    def __init__(self, product: Product) -> None:
        self.connection = psycopg.connect(product.database_url, autocommit=True)
        self.answered: dict[str, float] = {}
        self.delays: dict[str, float] = {}

    def look_until(self, end: float) -> None:
        while time.monotonic() < end:
            self._look()
            time.sleep(LOOK_EVERY_SECONDS)

    def _look(self) -> None:
        waiting = [trace for trace in list(self.answered) if trace not in self.delays]
        found = self.connection.execute(
            "SELECT trace_id FROM storage_logentry WHERE organisation_id = 1 AND trace_id = ANY(%s)", [waiting]
        ).fetchall()
        now = time.monotonic()
        self.delays.update({trace: now - self.answered[trace] for (trace,) in found})


def measure_delay(product: Product, *, entries_per_second: int, seconds: float) -> tuple[float, float]:
    """Return the median and the 99th percentile of the seconds from 200 to being in the store."""
    arrivals, connection = Arrivals(product), Connection(product.port)
    begin = time.monotonic()
    looking = threading.Thread(target=arrivals.look_until, args=(begin + seconds + 3,))
    looking.start()
    batches = int(seconds * entries_per_second / BATCH_ENTRIES)
    for number in range(batches):
        time.sleep(max(0.0, begin + number * BATCH_ENTRIES / entries_per_second - time.monotonic()))
        body = {"logs": entries(BATCH_ENTRIES, trace_id=f"delay-{number}")}
        assert connection.send(request_bytes(body, port=product.port, headers={"x-api-key": product.api_key})) == 200
        arrivals.answered[f"delay-{number}"] = time.monotonic()
    looking.join()
    assert len(arrivals.delays) == batches, f"{batches - len(arrivals.delays)} batches did not arrive in 3 s"
    ordered = sorted(arrivals.delays.values())
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
