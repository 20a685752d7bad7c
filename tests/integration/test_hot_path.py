"""What a request costs in its steady state: one statement that PostgreSQL executes, one round trip to Valkey."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.failures import failed_keys
from foundation import valkey
from ingest.models import SpooledBatch
from tests.integration.accounts_rows import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True)
LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
REQUESTS = 20


@pytest.fixture(autouse=True)
def partitions() -> None:
    call_command("partitions", make=True, verbosity=0)


@pytest.fixture(autouse=True)
def forgiven() -> None:
    """Other tests fail from our address, too."""
    failed_keys.clear()
    cache.clear()


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
        yield lambda: (file.flush(), file.seek(0), file.read())[2]
        connection.connection.pgconn.untrace()


@contextmanager
def counted_commands() -> Iterator[list[str]]:
    """Collect the commands that this thread's connection sends; what a script calls inside Valkey is no round trip."""
    commands: list[str] = []
    ours: dict[str, str] = valkey.client().client_info()  # type: ignore[assignment]
    with valkey.patient_client().monitor() as monitor:
        yield commands
        valkey.client().echo("the end")
        for seen in monitor.listen():
            if seen["command"] == "ECHO the end":
                return
            if f"{seen['client_address']}:{seen['client_port']}" == ours["addr"]:
                commands.append(seen["command"])


def test_steady_request_costs_one_statement_and_one_round_trip(
    post: Callable[..., Any], traced: Callable[[], str]
) -> None:
    for _ in range(REQUESTS):  # the caches fill, the month opens, the statement is prepared
        assert post().status_code == 200
    time.sleep(1)  # a thread hands over when the key was last used
    executed = traced().count("\tExecute\t")

    with counted_commands() as commands:
        for _ in range(REQUESTS):
            assert post().status_code == 200

    assert traced().count("\tExecute\t") - executed == REQUESTS
    assert [command.split()[0] for command in commands] == ["EVALSHA"] * REQUESTS
    assert SpooledBatch.objects.count() == 2 * REQUESTS


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "ll_unknown"}])
def test_refused_caller_gets_401_and_no_limits(headers: dict[str, str]) -> None:
    response = Client().post("/v1/logs", "{}", content_type="application/json", headers=headers)

    assert response.status_code == 401
    assert "X-RateLimit-Limit" not in response.headers
