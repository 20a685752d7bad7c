"""Following new entries in a terminal: each once, whatever order they commit in."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from django.db import connection, connections, transaction

from accounts.models import Organisation
from explore import follow as following
from explore.follow import follow
from explore.query import parse
from explore.search import FoundEntry
from storage import arrivals
from storage.reads import ALIAS
from tests.integration.accounts_rows import make_organisation
from tests.integration.log_rows import line, store_entries

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture
def acme() -> Organisation:
    return make_organisation()


def first(entries: Iterator[FoundEntry], count: int) -> list[str]:
    try:
        return [entry.message for entry in islice(entries, count)]
    finally:
        connections[ALIAS].close()


def store_late(organisation: Organisation, message: str) -> None:
    """Store an entry in a transaction that outlives others."""
    try:
        with transaction.atomic():
            store_entries(organisation, [line(message)])
            time.sleep(1)
    finally:
        connection.close()


def test_new_entries_come_once_each_however_late_they_commit(acme: Organisation) -> None:
    store_entries(acme, [line("before")])
    with ThreadPoolExecutor(2) as pool:
        followed = pool.submit(first, follow(acme.pk, parse("-noise"), poll_seconds=0.05), 3)
        time.sleep(0.5)
        late = pool.submit(store_late, acme, "late")
        time.sleep(0.3)
        store_entries(acme, [line("one"), line("noise"), line("two")])
        store_entries(make_organisation("rival"), [line("rival")])
        assert followed.result(timeout=20) == ["one", "two", "late"]
        late.result(timeout=20)


def test_many_batches_come_in_pages(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "BATCHES_AT_ONCE", 2)
    monkeypatch.setattr(following, "BATCHES_AT_ONCE", 2)
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(first, follow(acme.pk, parse(""), poll_seconds=0.5), 5)
        time.sleep(0.3)
        for number in range(5):
            store_entries(acme, [line(str(number))])
        assert followed.result(timeout=20) == ["0", "1", "2", "3", "4"]
