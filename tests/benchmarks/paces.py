"""What a caller feels at a steady pace: until its entries are stored, beside readers, beside one whose quota is spent.

Neighbours send from a process of their own, so that the client that is measured waits for nobody.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import msgspec
import psycopg

from tests.benchmarks.bodies import post_logs, request
from tests.benchmarks.load import Load, Sent, send
from tests.benchmarks.sides import Ours
from tests.chaos.tenants import Tenant

STEADY_ENTRIES, STEADY_BATCHES_A_SECOND = 100, 20
SHARE_OF_MAXIMUM = 0.7
CALLERS = 24
#: More than the places for reads of a web process (`LUMINALOG_READS_PER_PROCESS`), of two organisations.
READERS = 6
#: A word that is nowhere reads the open day whole; a page of 1,000 is the most that Python makes; and a chart.
QUESTIONS = ("logs?query=xylophone", "logs?limit=1000", "logs/histogram?query=level:error")
STRANGER_A_SECOND, NEIGHBOUR_A_SECOND = 100, 500
RECEIPTS = """
SELECT batch_id, extract(epoch FROM clock_timestamp() - received_at)::float8 FROM storage_receipt
 WHERE received_at > now() - interval '10 seconds'
"""


class AtPace(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies of one-entry requests at so many a second."""

    requests_a_second: float
    p50_ms: float
    p99_ms: float


class BesideReaders(msgspec.Struct, frozen=True, kw_only=True):
    """Accepting at 70 % of the most that is taken alone, without and with readers; at 70 % of the most beside them."""

    entries: int
    reads_a_second: float
    alone: AtPace
    same_pace: AtPace
    own_pace: AtPace


class BesideSpent(msgspec.Struct, frozen=True, kw_only=True):
    """A stranger's p99 in ms alone, beside so many requests a second that are accepted, and as many refused."""

    neighbour_a_second: int
    alone_ms: float
    accepted_ms: float
    refused_ms: float


class StoredAfter(msgspec.Struct, frozen=True, kw_only=True):
    """From acceptance to the log store, at so many entries a second."""

    entries_a_second: int
    p50_ms: float
    p99_ms: float


def stored_after(ours: Ours, *, seconds: float) -> StoredAfter:
    """Watch receipts appear; the time counts from `received_at`, just before the 200."""
    delays: dict[int, float] = {}
    sent_all = threading.Event()

    def watch() -> None:
        with psycopg.connect(ours.product.database_url, autocommit=True) as database:
            before = {batch_id for batch_id, _ in database.execute(RECEIPTS)}
            while not sent_all.wait(0.005):
                for batch_id, delay in database.execute(RECEIPTS):
                    if batch_id not in before:
                        delays.setdefault(batch_id, delay)

    watcher = threading.Thread(target=watch)
    watcher.start()
    load = ours.load(ours.ample, entries=STEADY_ENTRIES, seconds=seconds, rate=STEADY_BATCHES_A_SECOND)
    sent = send(load).all_taken()
    ours.settle()
    sent_all.wait(1)
    sent_all.set()
    watcher.join()
    assert len(delays) == sent.requests, f"{sent.requests} batches sent, {len(delays)} stored"
    stored = Sent(latencies=list(delays.values()))
    return StoredAfter(
        entries_a_second=STEADY_ENTRIES * STEADY_BATCHES_A_SECOND,
        p50_ms=1e3 * stored.percentile(0.5),
        p99_ms=1e3 * stored.percentile(0.99),
    )


def beside_readers(ours: Ours, *, seconds: float, bodies: int) -> BesideReaders:
    """Fill the store with bodies of 1,000 entries, and accept beside more readers than have a place."""
    for tenant in (ours.ample, ours.broad):
        _send_some(ours, tenant, bodies=bodies // 2)
    ours.settle()
    questions = _questions(ours, seconds=seconds)
    most = _most(ours, seconds=seconds)
    alone = _at_pace(ours, SHARE_OF_MAXIMUM * most, seconds=seconds)
    with _beside(questions) as readers:
        same_pace = _at_pace(ours, SHARE_OF_MAXIMUM * most, seconds=seconds)
    with _beside(questions):
        most = _most(ours, seconds=seconds)
    with _beside(questions):
        own_pace = _at_pace(ours, SHARE_OF_MAXIMUM * most, seconds=seconds)
    return BesideReaders(
        entries=1_000 * bodies,
        reads_a_second=readers[0].statuses[200] / readers[0].seconds,
        alone=alone,
        same_pace=same_pace,
        own_pace=own_pace,
    )


def _most(ours: Ours, *, seconds: float) -> float:
    return _accept(ours, seconds=seconds).requests_a_second


def _at_pace(ours: Ours, rate: float, *, seconds: float) -> AtPace:
    sent = _accept(ours, seconds=seconds, rate=rate)
    return AtPace(requests_a_second=rate, p50_ms=1e3 * sent.percentile(0.5), p99_ms=1e3 * sent.percentile(0.99))


def _accept(ours: Ours, *, seconds: float, rate: float = 0) -> Sent:
    """Send requests of one entry, and leave the spool empty."""
    sent = send(ours.load(ours.ample, connections=CALLERS, seconds=seconds, rate=rate)).all_taken()
    ours.settle()
    return sent


def beside_spent(ours: Ours, *, rounds: int, seconds: float) -> BesideSpent:
    """Measure a stranger alone, beside a neighbour who is served, and beside one whose quota is spent, in turns."""
    stranger = ours.load(ours.broad, seconds=seconds, rate=STRANGER_A_SECOND)
    alone, accepted, refused = Sent(), Sent(), Sent()
    for _ in range(rounds):
        alone.latencies += send(stranger).all_taken().latencies
        for tenant, found in ((ours.ample, accepted), (ours.spent, refused)):
            with _beside(ours.load(tenant, seconds=seconds, rate=NEIGHBOUR_A_SECOND)) as neighbours:
                found.latencies += send(stranger).all_taken().latencies
            assert neighbours[0].statuses.keys() == {429 if tenant is ours.spent else 200}, neighbours[0].statuses
            ours.settle()
    return BesideSpent(
        neighbour_a_second=NEIGHBOUR_A_SECOND,
        alone_ms=1e3 * alone.percentile(0.99),
        accepted_ms=1e3 * accepted.percentile(0.99),
        refused_ms=1e3 * refused.percentile(0.99),
    )


def _send_some(ours: Ours, tenant: Tenant, *, bodies: int) -> None:
    body = post_logs(1_000, api_key=tenant.api_key)
    send(Load(address=ours.side.address, requests=(body,), connections=4, seconds=1e9, at_most=bodies)).all_taken()


def _questions(ours: Ours, *, seconds: float) -> Load:
    asked = [
        request("GET", f"/v1/{question}", x_api_key=tenant.api_key)
        for question in QUESTIONS
        for tenant in (ours.ample, ours.broad)
    ]
    return Load(address=ours.side.address, requests=tuple(asked), connections=READERS, seconds=seconds)


@contextmanager
def _beside(load: Load) -> Iterator[list[Sent]]:
    """Send `load` from another process; what became of it is in the list when the block has ended."""
    found: list[Sent] = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(int).result()  # it has started
        sending = process.submit(send, load)
        yield found
        found.append(sending.result())
