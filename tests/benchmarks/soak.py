"""`make soak`: ten minutes at 70 % of what this machine can take, and is it the same at the end as at the beginning?

The maximum is measured first, while the worker drains. At the end everything answered 200 must be in the log store.
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple, Self

from tests.benchmarks import paper
from tests.benchmarks.load import Load, Sent, send
from tests.benchmarks.sides import Ours, ours
from tests.benchmarks.taken import memory_of_parts

ENTRIES = 20
SHARE = 0.7
CLIENTS = 24
MINUTES = 10
MAXIMUM_SECONDS = 15
VERIFIED_WITHIN_SECONDS = 600  # millions of entries
#: Flat: no more than this beyond the memory after the second minute, when all threads and caches are warm.
GROWTH = 1.15
OF_OURS = ("web", "worker")
HEAD = (
    "minute", "requests", "not 200", "p50 ms", "p99 ms", "max ms", "spooled", "web MiB", "worker MiB",
    "PostgreSQL MiB", "Valkey MiB",
)  # fmt: skip


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

    sent: Sent = field(default_factory=Sent)
    memory_bytes: Counter[str] = field(default_factory=Counter)
    spooled: int = 0

    def figures(self) -> list[str]:
        """Return them in the order of `HEAD`, but for the minute's number."""
        refused = self.sent.requests - self.sent.statuses[HTTPStatus.OK]
        shares = [1_000 * self.sent.percentile(share) for share in (0.5, 0.99, 1 - 1e-9)]
        memory = [self.memory_bytes[name] / 2**20 for name in (*OF_OURS, "postgres", "valkey")]
        return [f"{number:,.0f}" for number in (self.sent.requests, refused, *shares, self.spooled, *memory)]


class Soak:
    """A steady stream of requests, each at its time."""

    def __init__(self, ours: Ours, load: Load) -> None:
        self.ours = ours
        self.load = load
        self.minutes = [Minute() for _ in range(int(load.seconds // 60))]
        self.kept = Kept(0, 0)
        self._began = 0.0

    def run(self) -> None:
        """Send for as many minutes as there are, and look at the product at the end of each."""
        self._began = time.monotonic()
        client = threading.Thread(target=send, args=(self.load,), kwargs={"look": self._note})
        client.start()
        for number, minute in enumerate(self.minutes, 1):
            time.sleep(max(0.0, self._began + 60 * number - time.monotonic()))
            [(minute.spooled,)] = self.ours.product.query("SELECT count(*) FROM ingest_spooledbatch")
            minute.memory_bytes = memory_of_parts(self.ours.runner)
            print(f"minute {number}: {', '.join(minute.figures())}", flush=True)
        client.join()

    def breaches(self, before: Kept) -> list[str]:
        """Return what is not as it should be, now that the load is over."""
        found, kept = [], self.kept.plus(before)
        if (now := stored(self.ours)) != kept:
            found.append(f"answered and stored differ: {kept} and {now}")
        if any(minute.sent.statuses.keys() != {HTTPStatus.OK} for minute in self.minutes):
            found.append("not all were answered 200")
        self.ours.product.manage("verify_ledger", seconds=VERIFIED_WITHIN_SECONDS)  # ends the run when it is not clean
        early, late = self.minutes[1].memory_bytes, self.minutes[-1].memory_bytes
        return found + [f"the memory of {name} grew" for name in OF_OURS if late[name] > GROWTH * early[name]]

    def _note(self, status: int, answer: bytes, due: float) -> None:
        minute = self.minutes[min(int((due - self._began) // 60), len(self.minutes) - 1)]
        minute.sent.latencies.append(time.monotonic() - due)
        minute.sent.statuses[status] += 1
        if status == HTTPStatus.OK:
            told = json.loads(answer)
            self.kept = self.kept.plus(Kept(told["processed"], told["bytes_used"]))


def stored(ours: Ours) -> Kept:
    """Wait until the spool is empty; return what is in the log store."""
    ours.settle()
    [(entries, size_bytes)] = ours.product.query("SELECT count(*), coalesce(sum(size_bytes), 0) FROM storage_entry")
    return Kept(entries, int(size_bytes))


def main() -> int:
    """Start the product, measure its maximum, send 70 % of that, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    run = paper.begin("make soak" + f" MINUTES={options.minutes}" * (options.minutes != MINUTES))
    with ours() as running:
        maximum, soak, found = _soak(running, minutes=max(2, options.minutes))
    tables = "\n".join([
        f"{run}; batches of {ENTRIES} entries. The maximum while draining was {maximum:,.0f} requests/s.\n",
        paper.table(HEAD, ([number, *minute.figures()] for number, minute in enumerate(soak.minutes, 1)), words=0),
        f"{soak.kept.entries:,} entries of {soak.kept.bytes:,} bytes were answered 200:"
        f" {'; '.join(found) or 'all of it is stored once'}.\n",
    ])  # fmt: skip
    print("\n" + tables)
    if options.write:
        paper.write("soak", tables)
    return 1 if found else 0


def _soak(running: Ours, *, minutes: int) -> tuple[float, Soak, list[str]]:
    most = running.load(running.ample, entries=ENTRIES, seconds=MAXIMUM_SECONDS)
    maximum = send(most).all_taken().requests_a_second
    before = stored(running)
    load = running.load(running.ample, entries=ENTRIES, connections=CLIENTS, seconds=60 * minutes, rate=SHARE * maximum)
    soak = Soak(running, load)
    soak.run()
    return maximum, soak, soak.breaches(before)


if __name__ == "__main__":
    sys.exit(main())
