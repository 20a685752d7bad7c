"""What operators watch: what a look costs, and that each place says the same of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from foundation import shared_look, valkey
from foundation.postgres import current_day, execute
from operations import metrics
from operations.doctor import postgresql
from operations.doctor.finding import Severity
from operations.health import readiness
from storage.postgres import partitions
from tests.counting import round_trips

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _days_ahead() -> Iterator[None]:
    partitions.make_ahead()
    yield
    partitions.make_ahead()


@contextmanager
def counted_statements(expected: int) -> Iterator[None]:
    """Count what the connection sends to PostgreSQL: Django's own counting sees only Django's cursors."""
    connection.ensure_connection()
    with tempfile.TemporaryFile("r+") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        try:
            yield
        finally:
            connection.connection.pgconn.untrace()
        trace.seek(0)
        sent = [line for line in trace if line.split("\t")[1:2] == ["F"]]
    statements = [line for line in sent if line.split("\t")[3] in ("Query", "Execute")]
    assert len(statements) == expected, "".join(sent)


def scraped(name: str) -> float:
    [value] = [line.split()[1] for line in metrics.exposition().decode().splitlines() if line.startswith(f"{name} ")]
    return float(value)


def test_scrape_costs_five_statements_and_five_commands() -> None:
    metrics.exposition()
    with counted_statements(5), round_trips() as sent:
        metrics.exposition()
    assert len(sent) == 5


def test_readiness_costs_ten_statements(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_look, "FRESH_SECONDS", 600.0)
    client.get("/readyz")
    readiness.forget()
    with counted_statements(10):  # however many ask
        assert {client.get("/readyz").status_code for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("days", "level", "status"),
    [(5, Severity.WARNING, 200), (1, Severity.ERROR, 503), (0, Severity.ERROR, 503), (-1, Severity.ERROR, 503)],
)
def test_missing_day_is_said_by_all(days: int, level: Severity, status: int, client: Client) -> None:
    execute(f"DROP TABLE {partitions.table_name(current_day() + timedelta(days=days + 1))}")
    assert scraped("luminalog_partitions_ahead_days") == days
    assert client.get("/readyz").status_code == status
    assert {one.subject: one.level for one in postgresql.examine()}["partitions"] == level


def test_server_that_is_away_hides_nothing_of_the_other(settings: Any) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    valkey.client.cache_clear()
    try:
        assert scraped("luminalog_valkey_up") == 0
        assert scraped("luminalog_postgresql_up") == 1
        assert scraped("luminalog_postgresql_connections") >= 1  # its own: others come and go between two looks
    finally:
        valkey.client.cache_clear()
