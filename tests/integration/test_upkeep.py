"""What would grow for ever does not, and what grows with time is not read whole."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.caller import Caller
from accounts.models import User
from accounts.tasks import forget
from luminalog.postgres import execute
from luminalog.today import today

pytestmark = pytest.mark.django_db

#: A year of one organisation's hours.
FILL_USAGE = """
INSERT INTO quotas_hourlyusage (hour, organisation_id, api_key_id, outcome, requests, entries, bytes)
SELECT date_trunc('hour', now()) - make_interval(hours => hour), %s, %s,
       outcome, 1, 1, 1
  FROM generate_series(0, 8759) AS hour, unnest('{accepted,below_level,deduplicated,rate_limited}'::text[]) AS outcome
"""


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


def test_start_page_reads_the_last_day_of_a_year_of_usage(caller: Caller) -> None:
    execute(FILL_USAGE, [caller.organisation_id, caller.api_key_id])
    execute("ANALYZE quotas_hourlyusage")
    operator = User.objects.create_superuser("operator", password="unused")

    with CaptureQueriesContext(connection) as seen:
        page = today(operator)

    [refused] = [row for row in page.refusals or [] if row.reason == "rate_limited"]
    assert refused.requests == 24
    [statement] = [query["sql"] for query in seen if '"quotas_hourlyusage"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "hourly_usage_of_refusals" in plan
    assert "Seq Scan" not in plan
