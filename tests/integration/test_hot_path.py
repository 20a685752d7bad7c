"""What a request costs in its steady state: one statement that PostgreSQL executes, one round trip to Valkey."""

import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.directory import directory
from accounts.failures import failed_keys
from ingest import express
from ingest.express import Pass
from ingest.models import SpooledBatch
from ingest.protocols.luminalog import LUMINALOG
from ingest.spool import batch_ids
from ingest.spool.group_commit import Outcome
from privacy import policies
from privacy.policies import scrubber_of
from quotas import ledger, limits
from tests.counting import round_trips
from tests.organisations import make_api_key, make_caller, make_organisation
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
REQUESTS = 20


@pytest.fixture(autouse=True)
def partitions() -> None:
    call_command("partitions", make=True, verbosity=0)


@pytest.fixture(autouse=True)
def forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests fail from our address, too, and leave a block of ids that may end within what is counted."""
    failed_keys.clear()
    cache.clear()
    monkeypatch.setattr(batch_ids, "_unused", itertools.count(2**40))


@pytest.fixture
def post() -> Callable[..., Any]:
    """Return a function that posts entries with a good key."""
    _, secret = make_api_key(make_organisation("hot"), requests_per_minute=60_000)

    def post(*logs: dict[str, Any], **headers: str) -> Any:
        body = json.dumps({"logs": logs or [LOG]})
        return Client().post(
            "/v1/logs", body, content_type="application/json", headers={"x-api-key": secret, **headers}
        )

    return post


@pytest.fixture
def traced() -> Iterator[Callable[[], str]]:
    """Trace the protocol of the connection to PostgreSQL; the fixture returns a function that reads the trace."""
    connection.ensure_connection()
    with tempfile.TemporaryFile("w+") as file:
        connection.connection.pgconn.trace(file.fileno())
        yield lambda: file.read() if file.seek(0) == 0 else ""
        connection.connection.pgconn.untrace()


def test_steady_request_costs_one_statement_and_one_round_trip(
    post: Callable[..., Any], traced: Callable[[], str]
) -> None:
    for _ in range(REQUESTS):  # the month opens, the statement is prepared
        assert post().status_code == 200

    def measured() -> tuple[int, list[str]] | None:
        for forget in (directory.clear, policies.forget, limits.forget):
            forget()
        post()  # the caches fill, and are as old as each other
        began, executed = time.monotonic(), traced().count("\tExecute\t")
        with round_trips() as sent:
            for _ in range(REQUESTS):
                assert post().status_code == 200
        if time.monotonic() - began > limits.MAX_AGE_SECONDS - 1:
            return None  # what the caches know is too old by now: no steady state
        return traced().count("\tExecute\t") - executed, [one.name for one in sent]

    before = SpooledBatch.objects.count()
    executed, commands = wait_until(measured, what="twenty requests within the age of a cache")
    assert executed == REQUESTS
    assert commands == ["EVALSHA"] * REQUESTS
    assert SpooledBatch.objects.count() - before >= REQUESTS


@pytest.mark.parametrize("requests", [1, 20])
def test_express_requests_that_wait_together_cost_one_statement_and_one_round_trip(
    traced: Callable[[], str], requests: int
) -> None:
    callers = [make_caller(requests_per_minute=60_000) for _ in range(2)]
    body = json.dumps({"logs": [LOG]}).encode()

    def passes() -> list[Pass]:
        for caller in callers:
            limits.limits_for(caller.organisation_id)
            scrubber_of(caller.organisation_id)
        given = [express.vouch(callers[number % 2], LUMINALOG, body, at_once=True) for number in range(requests)]
        return [one for one in given if one]

    for caller in callers:
        ledger.open_month(caller.organisation_id)
    express._take_all(passes())  # the statement is prepared
    given, executed = passes(), traced().count("\tExecute\t")
    with round_trips() as sent:
        found = express._take_all(given)
    assert [one.outcome for one in found] == [Outcome.KEPT] * requests
    assert traced().count("\tExecute\t") - executed == 1
    assert [one.name for one in sent] == ["EVALSHA"]


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "ll_unknown"}])
def test_refused_caller_gets_401_and_no_limits(headers: dict[str, str]) -> None:
    response = Client().post("/v1/logs", "{}", content_type="application/json", headers=headers)

    assert response.status_code == 401
    assert "X-RateLimit-Limit" not in response.headers
