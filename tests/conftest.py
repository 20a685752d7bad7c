"""Fixtures for every level of tests: partitions in the test database, and organisations to call as."""

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import hypothesis
import pytest
from django.apps import apps
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group as Role
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from pytest_django.plugin import DjangoDbBlocker

from accounts.caller import Caller
from accounts.last_use import last_use, plain_http
from explore import answers, export
from foundation.outages import sqlstate
from issues import counting, numbers, resolving, rules
from operations.health import readiness
from privacy import policies
from quotas import outcomes
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from tests import organisations
from tests.patience import be_patient
from tests.waiting import wait_until

#: An example takes as long as it takes.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

#: Makes rows, which the flush at the end of a transactional test takes away from those after it.
make_plans = import_module("quotas.migrations.0002_rules").make_plans
#: Folders whose tests share a browser, and a ClickHouse: one process each.
SHARING = {"console", "contract"}
#: Of many small groups: they fill the end of a run, in which a large one would run alone.
LAST = "unit"
#: What such a flush leaves: Django would make them again, sixty queries a test.
UNFLUSHED = {"auth_permission", "django_content_type"}
#: Whose size tests look at: of rows that were only deleted it would keep some.
SPOOL = "ingest_spooledbatch"
#: A deadlock, and a lock that autovacuum, or a process that a test has started, holds too long.
IN_THE_WAY = {"40P01", "55P03"}
#: The ids of their permissions.
ROLES: dict[str, list[int]] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests together that share what takes long to make: a module, the one product, a browser, a ClickHouse."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        # What xdist 3.8 does with its own mark pytest 9.2 has stopped to read.
        item._id = type(item.id).parse(f"{item.nodeid}@{_group(item)}")
    items.sort(key=lambda item: item.path.parent.name == LAST)


def _group(item: pytest.Item) -> str:
    folder = item.path.parent.name
    if isinstance(item, pytest.Function) and "product" in item.fixturenames:
        return "product"
    return folder if folder in SHARING else item.path.stem


def pytest_collection_finish() -> None:
    """What is collected stays: nobody is to look through it for garbage, again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _tests_are_quick() -> Iterator[None]:
    """Hash passwords in no time, and flush only what tests write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        patch.setattr(TransactionTestCase, "_fixture_teardown", _flush)
        yield


def _flush(case: TransactionTestCase) -> None:
    for name in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        wait_until(partial(_is_empty, connections[name]), what="a flush that meets nobody crosswise")
    make_plans(apps, None)
    _make_roles()


def _make_roles() -> None:
    """Make the roles again, with what migrations have given them."""
    made = Role.objects.bulk_create([Role(name=name) for name in ROLES])
    given = [(role.pk, permission) for role in made for permission in ROLES[role.name]]
    May = Role.permissions.through
    May.objects.bulk_create([May(group_id=role, permission_id=permission) for role, permission in given])


def _is_empty(connection: BaseDatabaseWrapper) -> bool:
    """Empty the tables that hold rows, unless a process of a test that reads at the moment waits for them crosswise.

    To TRUNCATE all eighty of them, as Django does, takes ten times as long as to do so with the one that tests measure.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - UNFLUSHED
    looks = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in sorted(tables)]
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(looks))
            filled = [table for (table,) in cursor.fetchall()]
            cursor.execute("SET LOCAL session_replication_role = replica")  # in whatever order they refer to each other
            cursor.execute(f"TRUNCATE {SPOOL}")
            for table in filled:
                cursor.execute(f'DELETE FROM "{table}"')
    except OperationalError as error:
        if sqlstate(error) not in IN_THE_WAY:
            raise
        return False
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the log store's partitions, which no migration makes; leave the database in the end, so that it can go."""
    with django_db_blocker.unblock():
        partitions.make_ahead()
        ROLES.update({one.name: list(one.permissions.values_list("pk", flat=True)) for one in Role.objects.all()})
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_written_behind_a_test() -> None:
    """What processes write in the background, tests have written when they ask: a thread sees no open transaction."""
    for thread in (outcomes.thread, last_use.facts.thread, plain_http.facts.thread):
        thread.stop()


@pytest.fixture(scope="session", autouse=True)
def patient_request_path() -> None:
    """Give PostgreSQL and Valkey time to answer: within the product's a busy machine does not."""
    be_patient()


@pytest.fixture(autouse=True)
def _readiness_is_looked_at_anew() -> None:
    """What the test before this one saw within the last second is not what this one asks for."""
    readiness.forget()


@pytest.fixture(autouse=True)
def _rules_are_read_anew() -> None:
    """Organisations of other tests had the same ids."""
    policies.forget()


@pytest.fixture(autouse=True)
def _what_is_read_is_given_back() -> Iterator[None]:
    """Have each test read the answers it asked for to their ends, or close them: they hold memory, and places."""
    before = _held()
    yield
    wait_until(lambda: _held() == before, what=_held)  # a server in this process notices late that a browser went on


def _held() -> tuple[int, int]:
    return answers.BUDGET.taken, export.places.taken


@pytest.fixture(autouse=True)
def _groups_are_looked_up_anew() -> None:
    """As above: so had their groups."""
    for module in (resolving, counting, numbers, rules):
        module.forget()


@pytest.fixture
def make_caller(db: None) -> Callable[..., Caller]:
    """Return the function that makes callers, each of an organisation of its own."""
    return organisations.make_caller


@pytest.fixture
def empty_store() -> Iterator[None]:
    """Empty the log store afterwards, which no test's end flushes: Django knows its tables as unmanaged."""
    yield
    LogEntry.objects.all().delete()
    Receipt.objects.all().delete()


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of django-ratelimit, which counts in fixed minutes: a new one may begin in the midst of a test."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def caller(make_caller: Callable[..., Caller]) -> Caller:
    """The caller of an organisation with a plan."""
    return make_caller()
