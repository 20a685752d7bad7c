"""`/healthz` and `/readyz` by their words: what is broken is named, and nothing else is told."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from foundation import valkey
from foundation.postgres import current_day
from storage.postgres import partitions
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

NAMES = {
    "postgresql",
    "durability",
    "migrations",
    "partitions",
    "valkey",
    "spool_bytes",
    "spool_age",
    "disk",
    "storing",
}


def test_process_is_healthy_without_asking_anybody(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_system_with_everything_is_ready(client: Client) -> None:
    partitions.make_ahead()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": dict.fromkeys(NAMES, "ok")}


@pytest.mark.django_db
def test_system_without_tomorrows_partitions_is_not_ready(client: Client) -> None:
    partitions.make_ahead()
    tomorrow = partitions.table_name(current_day() + timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {tomorrow}")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["partitions"] == "failed"


@pytest.mark.django_db
def test_system_whose_commits_may_be_lost_is_not_ready(client: Client) -> None:
    partitions.make_ahead()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["durability"] == "failed"


@pytest.mark.django_db
def test_system_with_a_missing_migration_is_not_ready(client: Client) -> None:
    partitions.make_ahead()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'storage'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "failed"


@pytest.mark.django_db
def test_system_without_valkey_is_degraded_and_ready(client: Client, settings: Any) -> None:
    partitions.make_ahead()
    settings.VALKEY_URL = "redis://127.0.0.1:1"
    valkey.client.cache_clear()
    answer = client.get("/readyz")
    valkey.client.cache_clear()
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["checks"]["valkey"]) == ("degraded", "failed")


def test_database_that_is_gone_is_named_and_its_address_is_not() -> None:
    program = (
        "import django; django.setup();"
        "from tests.patience import be_patient; be_patient();"
        "from django.test import Client; answer = Client(SERVER_NAME='localhost').get('/readyz');"
        "print(answer.status_code, answer.json())"
    )
    gone = {"DJANGO_SETTINGS_MODULE": "luminalog.settings", "DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, **gone}, cwd=PROJECT, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    last_line = done.stdout.strip().splitlines()[-1]
    assert last_line == "503 {'status': 'failed', 'checks': {'valkey': 'ok', 'postgresql': 'failed'}}"
