"""How much waits in the spool: exact when it is small, a good guess when it is large, and cheap always."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.caller import Caller
from ingest.models import SpooledBatch
from ingest.spool import backlog, table
from ingest.waits_for import WaitsFor
from tests.integration.spool_rows import fill_spool, part_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_empty_spool_is_no_backlog() -> None:
    assert backlog.measure() == backlog.Backlog(rows=0, bytes=0, oldest_seconds=0)


def test_small_backlog_is_measured_exactly(caller: Caller) -> None:
    began = time.monotonic()
    parts = [part_of(f"{n}" * 500) for n in range(5)]
    for part in parts:
        table.accept(caller, [part])
    age_all(seconds=60)

    measured = backlog.measure()

    assert measured.rows == 5
    payloads = sum(len(part.payload) for part in parts)
    assert payloads < measured.bytes < payloads + 5 * (backlog.ROW_BYTES + 10)
    assert 60 <= measured.oldest_seconds <= 60 + time.monotonic() - began


def test_large_backlog_is_estimated_from_a_part_of_it(caller: Caller) -> None:
    payload_bytes = 1000
    fill_spool(caller.organisation_id, rows=40_000, payload_bytes=payload_bytes)
    expected = 40_000 * (payload_bytes + backlog.ROW_BYTES)

    measured = backlog.measure()

    assert measured.rows == pytest.approx(40_000, rel=0.2)
    assert measured.bytes == pytest.approx(expected, rel=0.2)
    assert (
        pages_touched(backlog.MEASURE, pages=backlog.PAGES, row_bytes=backlog.ROW_BYTES, place="") < 1.3 * backlog.PAGES
    )
    assert heap_pages() > 2 * backlog.PAGES  # or this test would prove nothing


def test_rows_that_are_gone_do_not_count(caller: Caller) -> None:
    fill_spool(caller.organisation_id, rows=2_000, payload_bytes=1000)
    kept = SpooledBatch.objects.order_by("-batch_id").values("batch_id")[:100]
    SpooledBatch.objects.exclude(batch_id__in=list(kept.values_list("batch_id", flat=True))).delete()

    assert backlog.measure().rows == 100


def test_age_is_that_of_what_failed_as_well(make_caller: Callable[..., Caller]) -> None:
    table.accept(make_caller(), [part_of("failed")])
    age_all(seconds=3600)
    SpooledBatch.objects.update(attempts=2)
    table.accept(make_caller(), [part_of("new")])

    measured = backlog.measure()

    assert (measured.rows, measured.failed_rows) == (2, 1)
    assert measured.oldest_seconds >= 3600
    assert measured.oldest_delaying_seconds == measured.oldest_seconds


def test_what_waits_for_its_own_place_in_the_store_delays_nobody_else(caller: Caller) -> None:
    table.accept(caller, [part_of("of a broken day")])
    age_all(seconds=3600)
    SpooledBatch.objects.update(attempts=1, waits_for=WaitsFor.PLACE)

    measured = backlog.measure()

    assert measured.oldest_seconds >= 3600
    assert measured.oldest_delaying_seconds == 0


def age_all(*, seconds: int) -> None:
    run("UPDATE ingest_spooledbatch SET received_at = received_at - make_interval(secs => %s)", seconds)


def heap_pages() -> int:
    return int(run("SELECT pg_relation_size('ingest_spooledbatch') / current_setting('block_size')::int"))


def pages_touched(statement: str, **parameters: Any) -> int:
    """Return how many pages PostgreSQL looked at to answer `statement`."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
        [[[plan]]] = cursor.fetchall()
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def run(statement: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0] if cursor.description else None
