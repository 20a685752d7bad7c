"""`manage.py logs`."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Organisation
from explore.management.commands import logs
from tests.entries import store_entries
from tests.integration import log_rows
from tests.integration.accounts_rows import make_organisation

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture
def organisation() -> Organisation:
    organisation = make_organisation()
    now = datetime.now(UTC)
    entries = [{"timestamp": now - timedelta(minutes=n), "message": f"message {n}"} for n in range(1, 6)]
    store_entries(entries, organisation_id=organisation.pk)
    store_entries([{"timestamp": now, "message": "message of another"}], organisation_id=organisation.pk + 1)
    return organisation


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("logs", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_search_prints_the_newest_last(organisation: Organisation) -> None:
    lines = run("search", "message", "--organisation", "acme", "--limit", "3")
    assert [line[-9:] for line in lines] == ["message 3", "message 2", "message 1"]


def test_search_prints_all_pages(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_ENTRIES", 2)
    lines = run("search", "--organisation", "acme", "--all", "--json")
    assert [json.loads(line)["message"] for line in lines] == [f"message {n}" for n in (5, 4, 3, 2, 1)]


def test_ages_bound_the_range(organisation: Organisation) -> None:
    assert len(run("search", "--organisation", "acme", "--from", "3m", "--to", "90s")) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--organisation", "nobody"], "no such organisation"),
        (["--organisation", "acme", "(a"], "ends too early"),
        (["--organisation", "acme", "--from", "yesterday"], "write a time"),
        (["--organisation", "acme", "--limit", "1001"], "from 1 to 1000"),
    ],
)
def test_mistakes_are_explained(organisation: Organisation, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("search", *arguments)


def test_tail_prints_new_entries_until_it_is_interrupted(organisation: Organisation) -> None:
    command = [sys.executable, "manage.py", "logs", "tail", "--organisation", "acme", "--json", "level:error"]
    environment = os.environ | {"DATABASE_URL": database_url(), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=PROJECT, text=True)
    try:
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            storing = pool.submit(store_until, stop, organisation)
            try:
                printed = json.loads(process.stdout.readline())
            finally:
                stop.set()
            storing.result(timeout=20)
        process.send_signal(signal.SIGINT)
        assert printed["message"] == "broken"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def store_until(stop: threading.Event, organisation: Organisation) -> None:
    """Store an entry now and then: when a process begins to follow is its own affair."""
    try:
        for _ in range(100):
            log_rows.store_entries(organisation, [log_rows.line("fine"), log_rows.line("broken", level="error")])
            if stop.wait(0.3):
                return
    finally:
        connection.close()


def database_url() -> str:
    """The address of the test database."""
    database = connection.settings_dict
    return f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
