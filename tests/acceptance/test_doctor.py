"""`manage.py doctor` with a real product and real trouble: each is named, with what to do, and nothing else is."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from embedded.postgres import EmbeddedPostgres
from operations.doctor import postgresql
from tests.acceptance.product import Product
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
PRODUCTION = {"LUMINALOG_DEVELOPMENT": "0", "ALLOWED_HOSTS": "logs.example.com"}
Findings = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of this module, which has just been started."""
    running = Product(tmp_path_factory.mktemp("doctor") / "var").prepared().start()
    yield running
    running.stop()


def examine(product: Product, **environment: str) -> tuple[int, Findings]:
    """Return the exit code, and by subject what is not ok."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), "doctor", "--json"],
        env=product.environment | environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["well"] == (done.returncode == 0)
    assert all(finding["what"].endswith(".") for finding in told["findings"])
    trouble = [finding for finding in told["findings"] if finding["level"] != "ok"]
    assert all(finding["do"] for finding in trouble)
    return done.returncode, {finding["subject"]: finding for finding in trouble}


def test_product_as_it_is_started_is_well(mine: Product) -> None:
    code, trouble = examine(mine)
    assert code == 0
    assert set(trouble) == {"HTTPS", "e-mail"}  # it is a development mode, and says so


def test_findings_are_told_in_words(mine: Product) -> None:
    told = mine.manage("doctor")
    assert "ok       PostgreSQL         PostgreSQL 18 answers." in told
    assert "ok       durability         A commit survives a power cut." in told
    assert told.splitlines()[-1].endswith("0 error")


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        (
            {
                "SECRET_KEY": "short",
                "ALLOWED_HOSTS": "*",
                "CSRF_TRUSTED_ORIGINS": "http://logs.example.com",
                "CELERY_BROKER_URL": "amqp://127.0.0.1:1//",
            },
            {"SECRET_KEY": "error", "ALLOWED_HOSTS": "warning", "CSRF_TRUSTED_ORIGINS": "warning", "broker": "error"},
        ),
        (
            {
                "SECRET_KEY": "ab" * 40,
                "LUMINALOG_DEVELOPMENT": "0",
                "ALLOWED_HOSTS": "",
                "VALKEY_URL": "redis://:secret@127.0.0.1:1/0",
            },
            {"SECRET_KEY": "error", "ALLOWED_HOSTS": "error", "Valkey": "error"},
        ),
        (PRODUCTION, {"HTTPS": "warning", "metrics": "warning", "role": "warning"}),
    ],
)
def test_settings_that_hurt_are_named(mine: Product, environment: dict[str, str], named: dict[str, str]) -> None:
    code, trouble = examine(mine, **environment)
    assert {subject: trouble[subject]["level"] for subject in named} == named
    assert code == (1 if "error" in {finding["level"] for finding in trouble.values()} else 0)
    assert "secret@" not in json.dumps(trouble)


def test_production_as_documented_has_no_finding_about_https(mine: Product) -> None:
    given = PRODUCTION | {
        "LUMINALOG_TRUSTED_PROXIES": "1",
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "LUMINALOG_METRICS_TOKEN": "x",
    }
    assert set(examine(mine, **given)[1]) == {"role"}


def test_database_that_is_gone_is_named_without_its_password(mine: Product) -> None:
    code, trouble = examine(mine, **elsewhere(mine, "postgresql://luminalog:secret-word@127.0.0.1:1/none"))
    assert (code, trouble["PostgreSQL"]["level"]) == (1, "error")
    assert "127.0.0.1:1" in trouble["PostgreSQL"]["what"]
    assert "secret-word" not in json.dumps(trouble)


def elsewhere(product: Product, database_url: str) -> dict[str, str]:
    """Return the environment of the product with another database."""
    lines = (product.data_dir / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines) | {"DATABASE_URL": database_url}


@contextmanager
def broken(product: Product, breaks: str, *, heals: str) -> Iterator[None]:
    """Break something by SQL, and heal it at the end."""
    product.query(breaks)
    try:
        yield
    finally:
        product.query(heals)


DEAD_LETTER = """
INSERT INTO ingest_deadletter (batch_id, organisation_id, api_key_id, project, environment, received_at, period,
                               entries, size_bytes, payload, reason)
SELECT 1, organisation_id, id, '', '', now(), now()::date, 1, 1, 'x', 'test' FROM accounts_apikey LIMIT 1
"""


DROP_TOMORROW = """
DO $$ BEGIN
    EXECUTE 'DROP TABLE storage_entry_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD');
END $$
"""
FORGET_MIGRATIONS = "UPDATE django_migrations SET app = 'gone' WHERE app = 'explore'"
REMEMBER_MIGRATIONS = "UPDATE django_migrations SET app = 'explore' WHERE app = 'gone'"
SET_EXPIRY = "UPDATE accounts_apikey SET expires_at = {}"
SET_QUOTA = "UPDATE quotas_quota SET monthly_bytes = {}"
SET_OVERHEARD = "UPDATE accounts_apikey SET seen_over_plain_http_at = {}"
SET_VALID = "UPDATE pg_index SET indisvalid = {} WHERE indexrelid = 'idempotency_key_created_at'::regclass"
TROUBLE = {
    "partitions": (DROP_TOMORROW, "SELECT 1", "error"),
    "migrations": (FORGET_MIGRATIONS, REMEMBER_MIGRATIONS, "error"),
    "dead letters": (DEAD_LETTER, "DELETE FROM ingest_deadletter", "warning"),
    "keys": (SET_EXPIRY.format("now() + interval '2 days'"), SET_EXPIRY.format("NULL"), "warning"),
    "indexes": (SET_VALID.format("false"), SET_VALID.format("true"), "warning"),
    "replication": (
        "SELECT pg_create_physical_replication_slot('left', true)",
        "SELECT pg_drop_replication_slot('left')",
        "warning",
    ),
}  # fmt: skip


def test_trouble_in_postgresql_is_named(mine: Product) -> None:
    with ExitStack() as all_of_it:
        for breaks, heals, _ in TROUBLE.values():
            all_of_it.enter_context(broken(mine, breaks, heals=heals))
        code, trouble = examine(mine)
    assert {subject: trouble[subject]["level"] for subject in TROUBLE} == {
        subject: level for subject, (_, _, level) in TROUBLE.items()
    }
    assert code == 1
    mine.manage("partitions", "--make")  # what the finding says to do
    assert TROUBLE.keys().isdisjoint(examine(mine)[1])


def test_key_that_was_overheard_is_an_error_and_a_quota_nearly_used_a_warning(mine: Product) -> None:
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "x"}
    assert mine.post({"logs": [entry]}).status_code == 200
    with (
        broken(mine, SET_OVERHEARD.format("now()"), heals=SET_OVERHEARD.format("NULL")),
        broken(mine, SET_QUOTA.format("1"), heals=SET_QUOTA.format("NULL")),
    ):
        trouble = examine(mine)[1]
    assert (trouble["keys"]["level"], trouble["quotas"]["level"]) == ("error", "warning")


def test_transaction_that_lasts_is_found(mine: Product) -> None:
    with psycopg.connect(mine.database_url, application_name="somebody's psql") as held:
        held.execute("SELECT 1")
        with psycopg.connect(mine.database_url) as asking:
            found = asking.execute(postgresql.OLD_TRANSACTIONS.encode(), [0]).fetchall()
    assert "somebody's psql" in {application for _, application, _ in found}


def test_postgresql_that_does_not_flush_is_named(mine: Product, tmp_path: Any) -> None:
    """A server of its own: `fsync` cannot be lent to a running one without danger."""
    other = EmbeddedPostgres(tmp_path / "postgres", settings={"fsync": "off", "full_page_writes": "off"})
    other.start()
    try:
        code, trouble = examine(mine, **elsewhere(mine, other.url))
    finally:
        other.stop()
    assert code == 1
    assert trouble["durability"]["what"].startswith("fsync, full_page_writes off")
    assert "migrations" in trouble


def test_processes_that_stand_still_and_what_waits_for_them_are_named(mine: Product) -> None:
    standing = [mine.part_pid("worker"), mine.part_pid("beat")]
    for pid in standing:
        os.kill(pid, signal.SIGSTOP)
    try:
        entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "waits"}
        assert mine.post({"logs": [entry]}).status_code == 200
        mine.query("UPDATE ingest_spooledbatch SET received_at = now() - interval '2 minutes'")
        make_it_a_minute_ago(mine)
        code, trouble = examine(mine)
    finally:
        for pid in standing:
            os.kill(pid, signal.SIGCONT)
    assert (code, {trouble[subject]["level"] for subject in ("workers", "beat", "spool")}) == (1, {"error"})
    assert trouble["spool"]["what"].startswith("1 batches")
    wait_until(lambda: examine(mine)[0] == 0, what=lambda: str(examine(mine)))


def make_it_a_minute_ago(product: Product) -> None:
    """Spare the test its minute: what Valkey remembers of the start, of workers and beat becomes older."""
    program = (
        "import time; from foundation import valkey; from operations import presence;"
        "old = str(time.time() - 90); c = valkey.client(); c.set(valkey.key(presence.BEAT), old);"
        "c.delete(valkey.key(presence.STARTED));"
        "[c.hset(valkey.key(presence.WORKERS), name, old) for name in presence.workers_seen()]"
    )
    product.manage("shell", "-v", "0", "-c", program)


def test_valkey_that_evicts_and_forgets_is_named(mine: Product) -> None:
    configure: Callable[[str, str], str] = lambda name, value: mine.manage(  # noqa: E731
        "shell",
        "-v",
        "0",
        "-c",
        f"from foundation import valkey; valkey.patient_client().config_set({name!r}, {value!r})",
    )
    configure("maxmemory-policy", "allkeys-lru")
    configure("appendonly", "no")
    try:
        trouble = examine(mine)[1]
    finally:
        configure("maxmemory-policy", "noeviction")
        configure("appendonly", "yes")
    assert "allkeys-lru" in trouble["Valkey's memory"]["what"]
    assert trouble["Valkey's file"]["level"] == "warning"


def test_clock_that_differs_is_named(mine: Product) -> None:
    _, trouble = examine(mine, LD_PRELOAD="/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", FAKETIME="+90s")
    if "PostgreSQL's clock" not in trouble:
        pytest.skip("libfaketime is not installed")
    assert trouble["PostgreSQL's clock"]["level"] == trouble["Valkey's clock"]["level"] == "error"
    [told] = re.findall(r"[\d.]+(?= s behind)", trouble["PostgreSQL's clock"]["what"])
    assert float(told) == pytest.approx(90, abs=DEADLINE_SECONDS / 4)  # less what the question took
