"""A round of the drain into PostgreSQL, and one into ClickHouse, of the same batches: what each costs, in CPU."""

import json
import random
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psutil
from django.conf import settings

from embedded.clickhouse import EmbeddedClickHouse
from embedded.postgres import EmbeddedPostgres
from foundation.postgres import fetch_all
from ingest.canonical import encode_entries
from ingest.protocols.luminalog.wire import parse_batch
from ingest.spool import table
from ingest.spool.drain import drain
from ingest.spool.payload import pack
from storage.clickhouse.store import server_of
from storage.store import store
from tests.benchmarks.drain_rounds import SCRUBBER, fill, prepare
from tests.benchmarks.taken import of_tree
from tests.past import move_back
from tests.waiting import wait_until

LEVELS = ("debug", *["info"] * 7, "warn", "error")
MERGES = "SELECT count() FROM system.merges"


class Cost(NamedTuple):
    """CPU µs an entry: of this process, and with all servers."""

    worker_us: float
    in_all_us: float


class Stores:
    """Both stores, on one spool. All was received yesterday: PostgreSQL indexes a day more when it is over."""

    def __init__(self, postgres: EmbeddedPostgres, clickhouse: EmbeddedClickHouse) -> None:
        self._urls = ("", clickhouse.url)
        self._clickhouse = server_of(clickhouse.url)
        assert postgres.process
        assert clickhouse.process
        self._processes = [psutil.Process(one.process.pid) for one in (postgres, clickhouse) if one.process]
        self._stored = 0
        settings.STORE_URL = clickhouse.url
        prepare()
        store().migrate()
        self._empty = self._sizes()

    def costs(self, *, entries: int, batches: int, rounds: int) -> Sequence[Cost]:
        """Return what an entry costs in each: medians of `rounds`, in turns."""
        costs: list[list[Cost]] = [[], []]
        for number in range(rounds + 1):  # the first one warms up
            parts = _parts(entries, batches, seed=number)
            for url, found in zip(self._urls, costs, strict=True):
                settings.STORE_URL = url
                fill(parts, batches=batches)
                move_back(timedelta(days=1))
                found.append(self._cost(entries * batches))
            self._stored += entries * batches
        return [Cost(*map(statistics.median, zip(*found[1:], strict=True))) for found in costs]

    def bytes_of_an_entry(self) -> Sequence[float]:
        """Return what each has taken of the disk."""
        settings.STORE_URL = ""
        while store().days.index_closed(limit=1):
            pass
        return [(size - empty) / self._stored for size, empty in zip(self._sizes(), self._empty, strict=True)]

    def _cost(self, entries: int) -> Cost:
        began, here = self._server_seconds(), time.process_time()
        while fetch_all("SELECT 1 FROM ingest_spooledbatch LIMIT 1"):
            drain()
        here = time.process_time() - here
        self._wait_for_merges()
        return Cost(1e6 * here / entries, 1e6 * (here + self._server_seconds() - began) / entries)

    def _server_seconds(self) -> float:
        return sum(map(of_tree, self._processes))

    def _wait_for_merges(self) -> None:
        wait_until(lambda: self._clickhouse.rows(MERGES) == [(0,)], what="the end of merges")

    def _sizes(self) -> Sequence[int]:
        sizes = []
        for url in self._urls:
            settings.STORE_URL = url
            sizes.append(sum(day.size_bytes for day in store().days.stored()))
        return sizes


def _parts(entries: int, batches: int, *, seed: int) -> list[table.Part]:
    """Return batches of so many entries, packed as a request packs them; no two entries are the same."""
    chance = random.Random(f"{seed} {entries}")
    parts = []
    for _ in range(batches):
        body = json.dumps({"logs": [_entry(chance) for _ in range(entries)]}).encode()
        [part] = encode_entries(parse_batch(body, lenient=False).entries, SCRUBBER)
        parts.append(table.Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes))
    return parts


def _entry(chance: random.Random) -> dict[str, Any]:
    request, order = f"{chance.getrandbits(64):016x}", chance.randrange(10**6)
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "level": chance.choice(LEVELS),
        "message": f"GET /v1/orders/{order} answered {chance.choice([200, 201, 404])}, request {request}",
        "environment": "production",
        "trace_id": f"{chance.getrandbits(64):016x}",
        "metadata": {
            "user_id": f"user-{chance.randrange(10**5)}",
            "duration_ms": chance.randrange(3000),
            "region": chance.choice(["eu-central-1", "us-east-1"]),
            "request": {"method": "GET", "id": request, "bytes": chance.randrange(10**5)},
        },
    }
