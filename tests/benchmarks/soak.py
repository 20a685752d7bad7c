"""`make soak`: ten minutes at 70 % of what this machine can take, and is it the same at the end as at the beginning?

The maximum is measured first, while the worker drains. Latencies count from when a request was due, so that a stall of
the server is not hidden by clients that wait for it. At the end everything answered 200 must be in the log store.
"""

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, Self

from tests.acceptance.product import Product
from tests.benchmarks.ingest import body
from tests.benchmarks.load import Load, request, requests_a_second
from tests.benchmarks.product import UNLIMITED
from tests.waiting import wait_until

ENTRIES = 20
SHARE = 0.7
CLIENTS = 24
MINUTES = 10
#: Parts whose memory is looked at; "servers" are PostgreSQL and Valkey, whose processes carry no name of ours.
PARTS = ("web", "worker", "servers")
MAXIMUM_SECONDS = 15
DRAINED_WITHIN_SECONDS = 60
VERIFIED_WITHIN_SECONDS = 600  # millions of entries
#: Flat: no more than this beyond the memory after the second minute, when all threads and caches are warm.
GROWTH = 1.15
HEAD = f"| minute | requests | not 200 | p50 ms | p99 ms | max ms | spooled | {' MiB | '.join(PARTS)} MiB |"


class Kept(NamedTuple):
    """What was answered 200, or what is stored of it."""

    entries: int
    bytes: int

    def plus(self, other: tuple[int, ...]) -> Self:
        """Return the sum."""
        return type(self)(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass
class Minute:
    """What happened to the requests that were due in one minute, and the state at its end."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    memory_bytes: dict[str, int] = field(default_factory=dict)
    spooled: int = 0


class Soak:
    """A steady stream of requests, each at its time, from `CLIENTS` threads."""

    def __init__(self, product: Product, *, rate: float, minutes: int) -> None:
        self.product = product
        self.rate = rate
        self.minutes = [Minute() for _ in range(minutes)]
        self.kept = Kept(0, 0)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Send for as many minutes as there are, and look at the product at the end of each."""
        began = time.monotonic() + 1
        clients = [threading.Thread(target=self._send, args=(began, number)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for number, minute in enumerate(self.minutes):
            time.sleep(max(0.0, began + 60 * (number + 1) - time.monotonic()))
            [(minute.spooled,)] = self.product.query("SELECT count(*) FROM ingest_spooledbatch")
            minute.memory_bytes = memory_bytes(self.product)
            print(line(number + 1, minute), flush=True)
        for client in clients:
            client.join()

    def _send(self, began: float, number: int) -> None:
        data, headers = body(ENTRIES), {"x-api-key": self.product.api_key, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.product.port, timeout=30)
        for due in self._due(began, number):
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("POST", "/v1/logs", data, headers)
            answer = connection.getresponse()
            self._note(int((due - began) // 60), answer.status, answer.read(), time.monotonic() - due)
        connection.close()

    def _due(self, began: float, number: int) -> Iterator[float]:
        count = int(60 * len(self.minutes) * self.rate)
        yield from (began + place / self.rate for place in range(number, count, CLIENTS))

    def _note(self, minute: int, status: int, answer: bytes, seconds: float) -> None:
        with self._lock:
            self.minutes[minute].seconds.append(seconds)
            self.minutes[minute].statuses[status] += 1
            if status == HTTPStatus.OK:
                told = json.loads(answer)
                self.kept = self.kept.plus(Kept(told["processed"], told["bytes_used"]))


def memory_bytes(product: Product) -> dict[str, int]:
    """Return the memory of each part, its share of what processes share counted once (PSS)."""
    sizes = dict.fromkeys(PARTS, 0)
    for pid in product.processes():
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            name = next((one[18:].decode() for one in lines if one.startswith(b"LUMINALOG_PROCESS=")), "servers")
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1]
            if name in sizes:
                sizes[name] += int(rollup.split()[0]) * 1024
    return sizes


def percentile(seconds: list[float], share: float) -> float:
    """Return the value below which `share` of `seconds` lie."""
    return sorted(seconds)[int(len(seconds) * share)] if seconds else 0.0


def line(number: int, minute: Minute) -> str:
    """Return a row of the table in docs/performance.md."""
    memory = " | ".join(f"{minute.memory_bytes[name] / 2**20:,.0f}" for name in PARTS)
    shares = " | ".join(f"{1000 * percentile(minute.seconds, share):,.0f}" for share in (0.5, 0.99, 1 - 1e-9))
    refused = sum(count for status, count in minute.statuses.items() if status != 200)
    return f"| {number} | {len(minute.seconds):,} | {refused} | {shares} | {minute.spooled} | {memory} |"


def stored(product: Product) -> Kept:
    """Wait until the spool is empty; return what is in the log store."""
    wait_until(
        lambda: product.query("SELECT count(*) FROM ingest_spooledbatch") == [(0,)], seconds=DRAINED_WITHIN_SECONDS
    )
    [(entries, size_bytes)] = product.query("SELECT count(*), coalesce(sum(size_bytes), 0) FROM storage_logentry")
    return Kept(entries, int(size_bytes))


def breaches(soak: Soak, before: Kept) -> list[str]:
    """Return what is not as it should be, now that the load is over."""
    found = []
    if (now := stored(soak.product)) != soak.kept.plus(before):
        found.append(f"answered and stored differ: {soak.kept.plus(before)} and {now}")
    if sum((minute.statuses for minute in soak.minutes), Counter[int]()).keys() != {HTTPStatus.OK}:
        found.append("not all were answered 200")
    soak.product.manage("verify_ledger", seconds=VERIFIED_WITHIN_SECONDS)  # ends the run when it is not clean
    early, late = soak.minutes[1].memory_bytes, soak.minutes[-1].memory_bytes
    return found + [f"the memory of {name} grew" for name in PARTS[:2] if late[name] > GROWTH * early[name]]


def main() -> int:
    """Start the product, measure its maximum, send 70 % of that, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    minutes = max(2, parser.parse_args().minutes)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, batches of {ENTRIES} entries", flush=True)
    with tempfile.TemporaryDirectory(prefix="luminalog-soak-") as folder:
        product = Product(Path(folder) / "var").start()
        try:
            return _soak(product, minutes)
        finally:
            product.stop()


def _soak(product: Product, minutes: int) -> int:
    product.query(UNLIMITED)
    time.sleep(10)  # the limits that the processes know grow old
    load = request("POST", "/v1/logs", body=body(ENTRIES), api_key=product.api_key)
    maximum = requests_a_second(Load(port=product.port, request=load, seconds=MAXIMUM_SECONDS))
    before = stored(product)
    print(f"maximum while draining: {maximum:,.0f} requests/s; now {SHARE:.0%} of it for {minutes} minutes\n\n{HEAD}")
    soak = Soak(product, rate=SHARE * maximum, minutes=minutes)
    soak.run()
    found = breaches(soak, before)
    print(
        f"\n{soak.kept.entries:,} entries, {soak.kept.bytes:,} bytes answered 200; {found or 'all of it stored once'}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
