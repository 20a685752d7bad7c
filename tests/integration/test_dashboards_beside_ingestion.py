"""Dashboards left open on a wall, in the midst of reading: what taking logs in, and others' dashboards, find then."""

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from accounts.models import Organisation
from explore import aggregates
from explore.dashboards import overview, sparing
from ingest.spool.drain import drain
from storage.models import LogEntry
from storage.wall import ALIAS, ENTRIES
from tests.integration.test_dashboards import get, operator, store_payments
from tests.organisations import make_api_key, make_organisation
from tests.waiting import DEADLINE_SECONDS

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]
#: Panels that are made of entries; an organisation may have two answered at once.
HELD, THIRD = ("failing", "slowest"), "newest"
LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
#: Transactions of ours that are open.
OPEN = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
"""
#: Of which some find a cache that has to be filled, or something due.
BATCHES = 5


@pytest.fixture(autouse=True)
def nothing_answered() -> None:
    sparing.forget()
    overview.forget()
    aggregates.forget_answers()


@pytest.fixture
def take_in() -> Iterator[Callable[[], int]]:
    """Return a function that takes a batch in and stores it, and tells how many statements PostgreSQL executed."""
    _, secret = make_api_key(make_organisation("sender"), requests_per_minute=60_000)
    body = json.dumps({"logs": [LOG] * 10})
    connection.ensure_connection()
    with tempfile.TemporaryFile("w+") as trace:
        connection.connection.pgconn.trace(trace.fileno())

        def executed() -> int:
            trace.seek(0)
            text = trace.read()
            return text.count("\tExecute\t") + text.count("\tQuery\t")

        def take_in() -> int:
            before, stored = executed(), LogEntry.objects.count()
            answer = Client().post("/v1/logs", body, content_type="application/json", headers={"x-api-key": secret})
            assert answer.status_code == 200
            assert drain() == 1
            assert LogEntry.objects.count() == stored + 10
            return executed() - before

        yield take_in
        connection.connection.pgconn.untrace()


@contextmanager
def left_open(client: Client) -> Iterator[None]:
    """Have panels of Acme's read entries, and hold each where it has its answer and its transaction is open."""
    may_end, reading = threading.Event(), threading.Semaphore(0)

    def hold(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        found = execute(sql, parameters, many, context)
        if ENTRIES in sql:
            reading.release()
            assert may_end.wait(DEADLINE_SECONDS)
        return found

    def look(panel: str) -> int:
        try:
            with connections[ALIAS].execute_wrapper(hold):
                return int(get(client, f"overview/panels/{panel}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(HELD)) as pool:
        looks = [pool.submit(look, panel) for panel in HELD]
        try:
            for _ in HELD:
                assert reading.acquire(timeout=DEADLINE_SECONDS)
            yield
        finally:
            may_end.set()
        assert [one.result() for one in looks] == [200] * len(HELD)


@contextmanager
def waiting_for_nobody() -> Iterator[None]:
    """Have a statement fail that waits for a lock of what is held here: that is held for longer."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
        yield
        cursor.execute("RESET lock_timeout")


def test_dashboards_left_open_take_nothing_from_ingestion_and_from_others(take_in: Callable[[], int]) -> None:
    acme, other = make_organisation("acme"), make_organisation("other")
    for organisation in (acme, other):
        make_api_key(organisation)
        store_payments(organisation)
    ada = operator("ada")
    get(ada, "overview/panels/newest")  # what is asked once is known: the wall, the panels
    sparing.forget()
    alone = least(take_in)
    with left_open(ada):
        with connection.cursor() as cursor:
            cursor.execute(OPEN)
            assert cursor.fetchone() == (len(HELD),), "a connection each, of reading"
        with waiting_for_nobody():
            assert least(take_in) == alone
        refused = get(ada, f"overview/panels/{THIRD}")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded"), "no thread waits for a place"
        assert found_by(ada, other) == 4
    assert sparing.PLACES.taken == 0


def least(take_in: Callable[[], int]) -> int:
    """Return what a batch costs where caches are warm, and nothing is due."""
    return min(take_in() for _ in range(BATCHES))


def found_by(client: Client, organisation: Organisation) -> int:
    """Return how many entries of an organisation's a panel of its own counts."""
    answer = get(client, "overview/panels/failing", organisation=organisation.slug)
    assert answer.status_code == 200
    return int(answer.json()["figures"]["scanned"])
