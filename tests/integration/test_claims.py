"""What a claim costs: as little with a long queue, many organisations or many deleted rows as with none of them.

Counted in pages that PostgreSQL looks at, which no other work on the machine changes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

from accounts.caller import Caller
from foundation.postgres import execute
from ingest.models import DrainClaim, SpooledBatch
from ingest.spool import claims, table
from ingest.spool.drain import drain
from storage.models import LogEntry
from tests.integration.spool_rows import fill_spool, part_of
from tests.processes import database_url
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = {"batches": claims.GROUP_BATCHES, "bytes": claims.GROUP_BYTES, "entries": claims.GROUP_ENTRIES}
FROM_THE_BEGINNING = {"first_slot": 0, "first_claim": 0}


@pytest.fixture(autouse=True)
def _new_frontier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    call_command("partitions", make=True, verbosity=0)
    monkeypatch.setattr(claims, "frontier", claims.Frontier())
    yield
    DrainClaim.objects.all().delete()


@pytest.fixture
def old_snapshot() -> Iterator[psycopg.Connection]:
    """A transaction that may see all that was there when it began, as that of a dump or a forgotten psql."""
    with psycopg.connect(database_url()) as holder:
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM ingest_spooledbatch, ingest_drainclaim")
        yield holder


def pages(statement: str, **parameters: int) -> int:
    """Return how many pages a claim's statement looks at; it claims nothing."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(claims.BEGIN_CLAIM)
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, LIMITS | parameters)
        [[[plan]]] = cursor.fetchall()
        cursor.execute("ROLLBACK")
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


@pytest.fixture(params=["nothing", "a backlog of one", "a backlog of many"])
def _statistics(request: pytest.FixtureRequest) -> None:
    """What autovacuum has told the planner of the queue, at another time."""
    if request.param != "nothing":
        fill_spool(1, rows=10_000)
    if request.param == "a backlog of many":
        for organisation_id in range(2, 52):
            fill_spool(organisation_id, rows=200)
    execute("ANALYZE ingest_spooledbatch")
    execute("TRUNCATE ingest_spooledbatch")


@pytest.mark.usefixtures("_statistics")
def test_claim_costs_little_with_a_hundred_organisations_and_a_hundred_thousand_batches() -> None:
    fill_spool(1, rows=10_000)
    assert pages(claims.CLAIM_GROUP, **FROM_THE_BEGINNING) < 150

    for organisation_id in range(2, 102):
        fill_spool(organisation_id, rows=900)
    for _ in range(8):
        assert claims.claim()

    assert pages(claims.CLAIM_GROUP, **FROM_THE_BEGINNING) < 1_500
    assert pages(claims.CLAIM_RETRY, **FROM_THE_BEGINNING) < 10


def test_every_organisation_has_its_turn_beside_a_backlog() -> None:
    fill_spool(1, rows=1_000)
    for organisation_id in range(2, 42):
        fill_spool(organisation_id, rows=1)

    claim = claims.claim()

    assert claim
    owners = SpooledBatch.objects.filter(batch_id__in=claim.batch_ids).values_list("organisation_id", flat=True)
    assert set(owners) == set(range(1, 42))


def test_turns_go_on_over_slots_of_time() -> None:
    for minutes in (3, 2, 1):
        fill_spool(1, rows=2 * claims.GROUP_BATCHES, age=timedelta(minutes=minutes))
    fill_spool(2, rows=1)

    claim = claims.claim()

    assert claim
    claimed = SpooledBatch.objects.filter(batch_id__in=claim.batch_ids)
    assert len(claim.batch_ids) == claims.GROUP_BATCHES
    assert claimed.filter(organisation_id=2).count() == 1
    assert claimed.filter(organisation_id=1).values("slot").distinct().count() == 1  # the oldest first


@pytest.mark.usefixtures("_statistics")
def test_long_transaction_does_not_make_claims_dearer(old_snapshot: psycopg.Connection) -> None:
    pass_through(batches=20_000, claims=2_000, age=timedelta(minutes=5))
    fill_spool(1, rows=5)
    swept = pages(claims.CLAIM_GROUP, **FROM_THE_BEGINNING)

    claim = claims.claim()

    assert claim
    assert len(claim.batch_ids) == 5
    start = {"first_slot": claims.frontier.slot, "first_claim": claims.frontier.claim}
    assert pages(claims.CLAIM_GROUP, **start) < 50
    assert pages(claims.CLAIM_RETRY, **start) < 10
    assert swept > 500  # or the transaction held nothing up, and this test proved nothing


@pytest.mark.usefixtures("_statistics")
def test_what_is_deferred_costs_claims_nothing() -> None:
    fill_spool(1, rows=5)
    without = pages(claims.CLAIM_GROUP, first_slot=1, first_claim=0)
    for organisation_id in range(1, 101):
        fill_spool(organisation_id, rows=50, deferred=timedelta(minutes=5 + organisation_id / 2))

    assert pages(claims.CLAIM_GROUP, first_slot=1, first_claim=0) < without + 10
    assert pages(claims.CLAIM_GROUP, **FROM_THE_BEGINNING) < 3 * 5_000  # a sweep looks at each, and at nothing else
    claim = claims.claim()
    assert claim
    assert len(claim.batch_ids) == 5


def test_sweeps_become_rare_when_they_are_slow(old_snapshot: psycopg.Connection) -> None:
    claims.frontier.move(slot=7, claim=3, took_seconds=100)
    assert claims.frontier.start() == {"first_slot": 7, "first_claim": 3}

    quick = claims.Frontier()
    quick.move(slot=7, claim=3, took_seconds=0.001)
    wait_until(lambda: quick.start() == FROM_THE_BEGINNING, what="the next sweep")


def test_sweep_comes_within_seconds_however_slow_the_last_was_and_at_once_after_an_outage() -> None:
    frontier = claims.Frontier()
    frontier.move(slot=7, claim=3, took_seconds=0.8)
    assert frontier._sweep_due_at - time.monotonic() <= claims.SWEEP_WITHIN_SECONDS
    assert frontier.start() != FROM_THE_BEGINNING
    frontier.distrust()
    assert frontier.start() == FROM_THE_BEGINNING


def test_claim_below_the_frontier_is_released_by_a_sweep() -> None:
    """One that is there again: PostgreSQL crashed before the deletion was flushed."""
    fill_spool(1, rows=1)
    left = claims.claim()
    assert left
    execute("UPDATE ingest_drainclaim SET claimed_at = now() - interval '1 minute'")
    claims.frontier.move(slot=0, claim=left.claim_id + 1, took_seconds=0.1)
    assert claims.take_dead() == []
    claims.frontier.distrust()
    assert claims.take_dead() == [left.batch_ids]


def test_batch_that_was_committed_very_late_is_found(caller: Caller) -> None:
    table.accept(caller, [part_of("in time")])
    drain()
    part = part_of("late")
    fill_spool(
        caller.organisation_id,
        rows=1,
        payload=part.payload,
        payload_bytes=part.size_bytes,
        age=timedelta(minutes=5),
    )

    wait_until(drain, what="a sweep that finds it")


def test_claim_is_respected_wherever_the_search_for_claims_begins() -> None:
    fill_spool(1, rows=300)
    claimed = [batch_id for _ in range(5) if (claim := claims.claim()) for batch_id in claim.batch_ids]
    assert len(claimed) == len(set(claimed)) == 300


def test_backlog_of_ten_thousand_delays_nobody_else(make_caller: Callable[..., Caller]) -> None:
    busy, quiet, part = make_caller(), make_caller(), part_of("User logged in")
    fill_spool(busy.organisation_id, rows=10_000, payload=part.payload, payload_bytes=part.size_bytes)
    worker = threading.Thread(target=drain_alone)
    worker.start()
    wait_until(LogEntry.objects.exists, what="a worker that is at work")

    table.accept(quiet, [part])
    wait_until(LogEntry.objects.filter(organisation_id=quiet.organisation_id).exists, what="the other's entry")

    try:
        assert SpooledBatch.objects.exists()  # the backlog was still there, or this test proved nothing
    finally:
        SpooledBatch.objects.all().delete()
        worker.join()


def drain_alone() -> None:
    drain()
    connections.close_all()


def pass_through(*, batches: int, claims: int, age: timedelta) -> None:
    """Leave behind what so many batches and claims leave when they are gone."""
    fill_spool(1, rows=batches, age=age)
    execute("DELETE FROM ingest_spooledbatch")
    execute("INSERT INTO ingest_drainclaim (batch_ids) SELECT array[n] FROM generate_series(1, %s) AS n", [claims])
    execute("DELETE FROM ingest_drainclaim")
