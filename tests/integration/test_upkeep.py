"""What would grow for ever does not, and what grows with time is not read whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.caller import Caller
from accounts.models import User
from accounts.tasks import forget
from foundation import valkey
from foundation.postgres import current_day, execute
from ingest.spool import table
from luminalog.console.today import today
from operations.presence import BEAT, beat_seen
from storage.models import LogEntry
from storage.postgres import partitions
from storage.store import MINIMUM_DAYS_AHEAD
from tests.integration.spool_rows import part_of
from tests.processes import Process, database_url, running_command
from tests.waiting import wait_until

#: No broker listens there.
NO_BROKER = {"CELERY_BROKER_URL": "redis://127.0.0.1:1"}

#: A year of one organisation's hours.
FILL_USAGE = """
INSERT INTO quotas_hourlyusage (hour, organisation_id, api_key_id, outcome, requests, entries, bytes)
SELECT date_trunc('hour', now()) - make_interval(hours => hour), %s, %s,
       outcome, 1, 1, 1
  FROM generate_series(-1, 8758) AS hour, unnest('{accepted,below_level,deduplicated,rate_limited}'::text[]) AS outcome
"""


@pytest.mark.django_db
def test_old_records_of_log_ins_and_ended_sessions_are_forgotten(settings: Any) -> None:
    settings.LOG_IN_RECORD_DAYS = 30
    now = timezone.now()
    for model in (AccessLog, AccessFailureLog):
        for days in (29, 31):
            record = model.objects.create(username="ada", user_agent=str(days))
            model.objects.filter(pk=record.pk).update(attempt_time=now - timedelta(days=days))
    for name, expires_at in {"over": now - timedelta(seconds=1), "open": now + timedelta(hours=1)}.items():
        Session.objects.create(session_key=name, session_data="", expire_date=expires_at)

    forget()

    for model in (AccessLog, AccessFailureLog):
        assert model.objects.get().user_agent == "29"
    assert Session.objects.get().session_key == "open"


@pytest.mark.django_db
def test_start_page_reads_the_last_day_of_a_year_of_usage(caller: Caller) -> None:
    execute(FILL_USAGE, [caller.organisation_id, caller.api_key_id])
    execute("ANALYZE quotas_hourlyusage")
    operator = User.objects.create_superuser("operator", password="unused")

    with CaptureQueriesContext(connection) as seen:
        page = today(operator)

    assert page.refusals
    [refused] = [row for row in page.refusals.rows if row.reason == "rate_limited"]
    assert refused.requests in {25, 24}  # with the coming hour's; without, where that one has begun meanwhile
    [statement] = [query["sql"] for query in seen if '"quotas_hourlyusage"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "hourly_usage_of_refusals" in plan
    assert "Seq Scan" not in plan


@contextmanager
def running_upkeep() -> Iterator[Process]:
    """Run `manage.py upkeep --loop` on the tests' database."""
    env = os.environ | NO_BROKER | {"DATABASE_URL": database_url()}
    with running_command("upkeep", "--loop", env=env) as process:
        yield process


@pytest.fixture(autouse=True)
def _no_beat_was_seen() -> None:
    valkey.client().delete(valkey.key(BEAT))


@pytest.mark.django_db(transaction=True)
def test_installation_without_a_broker_is_kept_up_by_one_process(caller: Caller) -> None:
    partitions.make_ahead()
    with running_upkeep() as process:
        for n in range(3):
            table.accept(caller, [part_of(f"{n}")])
            wait_until(lambda n=n: LogEntry.objects.filter(message=f"{n}").exists())  # type: ignore[misc]
        wait_until(beat_seen)
        assert process.poll() is None


@pytest.mark.django_db(transaction=True)
def test_task_that_fails_stops_no_other(caller: Caller) -> None:
    """The spool's table is away for a while: the drain fails, is due again, and goes on when the table is back."""
    partitions.make_ahead()
    table.accept(caller, [part_of("kept")])
    execute("ALTER TABLE ingest_spooledbatch RENAME TO ingest_away")
    with running_upkeep() as process:
        try:
            wait_until(beat_seen)
        finally:
            execute("ALTER TABLE ingest_away RENAME TO ingest_spooledbatch")
        wait_until(lambda: LogEntry.objects.filter(message="kept").exists())
        assert process.poll() is None


@pytest.mark.django_db(transaction=True)
def test_upkeep_once_runs_the_whole_schedule(caller: Caller) -> None:
    partitions.make_ahead()
    tomorrow = partitions.table_name(current_day() + timedelta(days=1))
    execute(f"DROP TABLE {tomorrow}")
    table.accept(caller, [part_of("once")])

    call_command("upkeep")

    assert LogEntry.objects.get().message == "once"
    assert partitions.days_ahead() >= MINIMUM_DAYS_AHEAD
