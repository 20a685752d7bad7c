"""Each process under its own database role: the product works, and what a role does not need is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from axes.models import AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry as RecentAction
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from psycopg.errors import InsufficientPrivilege

from accounts import life, looks
from accounts.looks import Look
from accounts.models import AccessRecord, ApiKey, Organisation, User
from explore.models import SavedSearch
from foundation.postgres import current_day, execute
from operations import grants
from operations.erasures import life as erasures
from operations.models import Erasure
from quotas.models import Plan
from quotas.plans import subscribe
from storage import wall
from storage.models import Retention
from storage.postgres import partitions
from tests import console_pages
from tests.entries import line, store_batch
from tests.integration.web_server import Web, web_server
from tests.organisations import make_api_key, make_organisation
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

#: Roles belong to the cluster, which pytest-xdist's workers share: each must give them the same password.
PASSWORD = sha256(os.environ["SECRET_KEY"].encode()).hexdigest()


def address(role: str) -> str:
    there = urlsplit(os.environ["DATABASE_URL"])
    database = settings.DATABASES["default"]["NAME"]
    return f"postgresql://{role}:{PASSWORD}@{there.hostname}:{there.port}/{database}"


@pytest.fixture(scope="module", autouse=True)
def roles(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        call_command("database_roles", apply=True, verbosity=0)
        with connection.cursor() as cursor:
            for role in grants.LOGINS:
                cursor.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")


@pytest.fixture(scope="module")
def web(roles: None) -> Iterator[Web]:
    with web_server(DATABASE_URL=address(grants.WEB), LUMINALOG_READS_PER_PROCESS=4) as server:
        yield server


@pytest.fixture
def fresh_web(roles: None) -> Iterator[Web]:
    """A process that has not yet seen the content types that tests before it flushed."""
    with web_server(DATABASE_URL=address(grants.WEB)) as server:
        yield server


@pytest.fixture
def secret() -> str:
    organisation = make_organisation()
    subscribe(organisation, Plan.objects.get(slug="scale"))
    return make_api_key(organisation)[1]


def manage(role: str, *arguments: str, **more: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    environment = os.environ | {"DATABASE_URL": address(role)} | more
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=10 * DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_role(role: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address(role), autocommit=True) as connected:
        cursor = connected.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


class Staff:
    """A superuser with a browser's session."""

    def __init__(self, web: Web) -> None:
        User.objects.create_superuser("root", password="a long password")
        self.address, self.session = f"http://127.0.0.1:{web.port}", requests.Session()
        self.get("/admin/login/")
        answer = self.post("/admin/login/", username="root", password="a long password", next="/admin/")
        assert "Log out" in answer.text

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.address + path, timeout=DEADLINE_SECONDS)

    def post(self, path: str, **data: str) -> requests.Response:
        given = {"csrfmiddlewaretoken": self.session.cookies["csrftoken"], **data}
        return self.session.post(self.address + path, data=given, timeout=DEADLINE_SECONDS)


def test_entry_travels_from_web_to_store_and_back(web: Web, secret: str) -> None:
    entry = (
        b'{"timestamp":"2026-11-20T12:00:00Z","level":"info","message":"kept","metadata":{"userId":7},"trace_id":"t"}'
    )
    body = b'{"logs":[' + entry + b"]}"
    for headers in ({}, {"Idempotency_Key": "one"}, {"Idempotency_Key": "one"}, {"Prefer": "handling=lenient"}):
        assert web.post(body, x_api_key=secret, **headers).status_code == 200
    manage(grants.WORKER, "drain")
    asked = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
    headers = {"x-api-key": secret}
    url = f"http://127.0.0.1:{web.port}/v1/"
    found = requests.get(url + "logs", asked | {"query": "userId:7"}, headers=headers, timeout=DEADLINE_SECONDS).json()[
        "logs"
    ]
    assert [log["message"] for log in found] == ["kept"] * 3
    for path in (f"logs/{found[0]['id']}", "logs/histogram", "logs/fields", "logs/export", "traces/t", "usage"):
        assert requests.get(url + path, headers=headers, timeout=DEADLINE_SECONDS).status_code == 200, path
    manage(grants.OWNER, "verify_ledger")


def test_every_page_of_the_admin_opens(web: Web, secret: str) -> None:
    staff = Staff(web)
    assert staff.get("/admin/").status_code == 200
    for model in console_pages.registered():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert staff.get(reverse(f"{name}_changelist")).status_code == 200, name
    for model in (Organisation, ApiKey, User):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        row = model._default_manager.earliest("pk")
        assert staff.get(reverse(name, args=[row.pk])).status_code == 200, name


def test_staff_work_in_the_admin(fresh_web: Web, secret: str) -> None:
    staff, key = Staff(fresh_web), ApiKey.objects.get()
    form = {
        "name": "New", "slug": "new", "quota-0-plan": str(Plan.objects.get(slug="scale").pk),
        "quota-TOTAL_FORMS": "1", "quota-INITIAL_FORMS": "0", "quota-MAX_NUM_FORMS": "1",
        "projects-TOTAL_FORMS": "0", "projects-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = staff.post("/admin/accounts/organisation/add/", **form)
    assert answer.status_code == 200, answer.text
    assert "errornote" not in answer.text, answer.text
    assert Organisation.objects.filter(slug="new").exists()
    staff.post(f"/admin/accounts/organisation/{key.organisation_id}/suspend/", reason="unpaid")
    assert Organisation.objects.get(slug="acme").status == "suspended"
    staff.post(f"/admin/accounts/apikey/{key.pk}/revoke/", reason="leaked")
    key.refresh_from_db()
    assert key.revoked_at
    asked = {"organisation": str(key.organisation_id), "kind": "query", "wanted": "userId:7", "reference": ""}
    assert "How many" in staff.post("/admin/operations/erasure/add/", **asked).text
    staff.post("/admin/operations/erasure/add/", **asked, _erase="1")
    assert Erasure.objects.get().status == "running"
    operators = Group.objects.create(name="Some")
    person = {
        "username": "ada",
        "usable_password": "true",
        "password1": "a long passw0rd",
        "password2": "a long passw0rd",
    }
    staff.post("/admin/accounts/user/add/", **person)
    ada = User.objects.get(username="ada")
    joined = {"date_joined_0": "2026-11-20", "date_joined_1": "12:00:00"}
    for groups in ({"groups": str(operators.pk)}, {}):
        staff.post(f"/admin/accounts/user/{ada.pk}/change/", username="ada", is_active="on", **joined, **groups)
        assert list(ada.groups.all()) == ([operators] if groups else [])
    assert staff.get("/admin/explore/explorer/search?organisation=acme").status_code == 200
    assert "Log in" in staff.post("/admin/logout/").text + staff.get("/admin/").text


def test_whatever_the_admin_may_delete_the_web_may(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = User.objects.create_superuser("root")
    deletable = {
        model._meta.db_table
        for model, page in console_pages.registered().items()
        if page.has_delete_permission(request)
    }
    assert deletable <= {table for table, rights in grants.OF_WEB.items() if rights == grants.ALL}


def test_web_counts_everybody_s_connections() -> None:
    [(hidden,)] = as_role(grants.WEB, "SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL")
    assert hidden == 0


def test_web_is_ready(web: Web) -> None:
    wait_until(lambda: web.get("/readyz").json()["status"] == "ok", what="readiness")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM storage_entry",
        "SELECT FROM storage_entry",
        "INSERT INTO storage_entry (id) VALUES (1)",
        "TRUNCATE storage_entry",
        "UPDATE storage_receipt SET entries = 0",
        "DELETE FROM storage_receipt",
        "DELETE FROM ingest_spooledbatch",
        "UPDATE ingest_spooledbatch SET size_bytes = 0",
        "DELETE FROM quotas_monthlyusage",
        "UPDATE auditlog_logentry SET changes = NULL",
        "DELETE FROM auditlog_logentry",
        "DELETE FROM explore_accessrecord",
        "DELETE FROM accounts_organisation",
        "DELETE FROM accounts_apikey",
        "DROP TABLE storage_entry",
        "DROP TABLE accounts_user",
        "ALTER TABLE storage_entry DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine SUPERUSER",
        "SET ROLE luminalog_owner",
        "SET ROLE luminalog_worker",
    ],
)
def test_web_role_is_refused(sql: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        as_role(grants.WEB, sql)


def test_web_role_may_not_name_a_partition() -> None:
    with pytest.raises(InsufficientPrivilege):
        as_role(grants.WEB, f"SELECT FROM {partitions.table_name(current_day())}")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password FROM accounts_user",
        "UPDATE accounts_user SET is_superuser = true",
        "SELECT session_key FROM django_session",
        "SELECT username FROM axes_accesslog",
        "DELETE FROM accounts_apikey",
        "DROP TABLE ingest_spooledbatch",
        "SELECT actor_id FROM auditlog_logentry",
        "DELETE FROM auditlog_logentry",
        "SELECT user_id FROM django_admin_log",
        "UPDATE explore_accessrecord SET username = ''",
        "UPDATE accounts_organisation SET name = ''",
        "INSERT INTO operations_erasure (wanted) VALUES ('')",
        "SET ROLE luminalog_owner",
    ],
)
def test_worker_role_is_refused(sql: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        as_role(grants.WORKER, sql)


def test_worker_forgets_log_ins_that_it_cannot_read() -> None:
    Session.objects.create(session_key="over", session_data="", expire_date=timezone.now() - timedelta(seconds=1))
    AccessLog.objects.create(username="ada")
    AccessLog.objects.update(attempt_time=timezone.now() - timedelta(days=365))

    manage(grants.WORKER, "shell", "--no-imports", "-c", "from accounts import log_ins; log_ins.forget_old()")

    assert not Session.objects.exists()
    assert not AccessLog.objects.exists()


def test_worker_makes_indexes_and_drops_days_whoever_made_them() -> None:
    day = current_day() - timedelta(days=400)
    name = partitions.table_name(day)
    partitions.make({day})
    code = (
        "import datetime; from storage.postgres import indexes, partitions;"
        f" day = datetime.date.fromisoformat('{day}'); indexes.index_day(day);"
        " partitions.drop_before(day + datetime.timedelta(days=1)); partitions.make_ahead()"
    )
    manage(grants.WORKER, "shell", "--no-imports", "-c", code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        assert cursor.fetchone() == (None,)


def test_worker_does_all_that_is_scheduled(secret: str) -> None:
    """Erasing included, which reaches into other rooms."""
    organisation, ada = Organisation.objects.get(), User.objects.create_superuser("ada")
    with transaction.atomic():
        store_batch(organisation, [line("to bob@example.com"), line("stays")])
    SavedSearch.objects.create(owner=ada, organisation=organisation, name="his", query="bob@example.com")
    RecentAction.objects.log_actions(ada.pk, SavedSearch.objects.all(), 2, change_message="bob@example.com")
    look = Look(action=AccessRecord.Action.SEARCH, query="bob@example.com")
    looks.record(look, by=ada, organisation=organisation, address="192.0.2.1")
    life.revoke(ApiKey.objects.get().pk, reason="leaked by bob@example.com")
    life.suspend(organisation.pk, reason="bob@example.com")
    erasures.ask(organisation, kind="value", wanted="bob@example.com", by=looks.at_the_server())
    code = (
        "from django.conf import settings; from luminalog.celery import app; app.loader.import_default_modules();"
        " [app.tasks[one['task']]() for one in settings.CELERY_BEAT_SCHEDULE.values()]; print('done')"
    )
    assert manage(grants.WORKER, "shell", "--no-imports", "-c", code).endswith("done\n")
    erasure = Erasure.objects.get()
    assert (erasure.status, erasure.entries, erasure.last_error) == ("done", 1, "")
    held = {name: rows for name, rows in erasure.elsewhere.items() if rows}
    assert held == {"audit trail": 2, "reasons": 2, "recorded queries": 1, "saved searches": 1}
    assert RecentAction.objects.get().change_message == "[erased]"


def test_worker_archives_a_day_loads_it_and_lets_it_go(secret: str, tmp_path: Path) -> None:
    with transaction.atomic():
        store_batch(Organisation.objects.get(), [line("one")])
    yesterday = current_day() - timedelta(days=1)
    for table in ("storage_entry", "storage_receipt"):
        execute(f"UPDATE {table} SET received_at = received_at - interval '1 day'")
    code = (
        f"from django.core.management import call_command as run; day = '{yesterday}';"
        " from storage import tasks; from foundation.postgres import execute; run('archive', 'write');"
        " execute(\"UPDATE storage_retention SET emptied_before = 'infinity'\");"
        " run('load', day); tasks.retention(); run('load', day, end=True)"
    )
    Retention.objects.create(
        organisation_id=Organisation.objects.get().pk,
        emptied_before=timezone.now() - timedelta(days=9),
        ran_at=timezone.now(),
    )
    told = manage(grants.WORKER, "shell", "--no-imports", "-c", code, LUMINALOG_ARCHIVE_URL=f"file://{tmp_path}")
    assert "1 archives written" in told
    assert "1 entries of" in told
    assert told.endswith("is taken out.\n")


@pytest.mark.parametrize("role", grants.LOGINS)
def test_wall_stands_for_every_role(role: str) -> None:
    code = "from storage import wall; print(wall.state())"
    assert manage(role, "shell", "--no-imports", "-c", code).strip() == wall.State.STANDS


def test_owner_migrates_and_verifies(secret: str) -> None:
    manage(grants.OWNER, "migrate", "--no-input")
    manage(grants.OWNER, "verify_ledger")


def test_sql_can_be_run_again_and_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("database_roles")
    printed = capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute(printed)
    assert 'GRANT SELECT ON "storage_receipt" TO luminalog_web;' in printed


def test_webs_role_sees_all_that_operators_watch(roles: None) -> None:
    partitions.make_ahead()
    environment = os.environ | {"DATABASE_URL": address(grants.WEB)}
    told = {
        command: subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=10 * DEADLINE_SECONDS, check=False,
        ).stdout
        for command in ("metrics", "doctor --json")
    }  # fmt: skip
    assert "luminalog_postgresql_up 1.0" in told["metrics"]
    assert "luminalog_partitions_ahead_days 7.0" in told["metrics"]
    findings = {one["subject"]: one for one in json.loads(told["doctor --json"])["findings"]}
    assert "role" not in findings
    assert {findings[subject]["level"] for subject in ("PostgreSQL", "durability", "migrations", "spool")} == {"ok"}
