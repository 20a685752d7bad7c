"""Reading is bound: in time, in number, and in what it may do."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from foundation.refusals import Refusal
from storage import places
from storage.errors import Unavailable
from storage.postgres import reads
from storage.postgres.reads import LOCK_CLASS, reading
from storage.wall import ALIAS
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


def ask(organisation_id: int, sql: str) -> Any:
    with reading(organisation_id) as reader:
        return reader.rows(sql)[0]


@contextmanager
def taken(*places: int) -> Iterator[None]:
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            for place in places:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, place])
            yield
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()


def test_reads_cannot_write() -> None:
    with pytest.raises(Unavailable) as raised:
        ask(1, "DELETE FROM storage_entry")
    assert "read-only transaction" in str(raised.value.__cause__)


def test_search_has_fifteen_seconds_by_default(settings: Any) -> None:
    assert settings.READ_TIMEOUT_SECONDS == 15
    assert ask(1, "SELECT current_setting('statement_timeout')::interval <= '15 s'") == (True,)
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("15s",)


def test_statements_of_a_search_share_its_time(settings: Any) -> None:
    settings.READ_TIMEOUT_SECONDS = 1

    def read_slowly() -> None:
        with reading(1) as reader:
            for _ in range(5):
                reader.rows("SELECT pg_sleep(0.4)")

    with pytest.raises(Refusal) as raised:  # no statement of them takes as long as they may together
        read_slowly()
    assert raised.value.code == "query_timeout"
    settings.READ_TIMEOUT_SECONDS = 15
    assert ask(1, "SELECT 1") == (1,)


def test_organisation_has_few_places_and_gets_them_back(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.READS_PER_ORGANISATION = 2
    monkeypatch.setattr(reads, "WAIT_SECONDS", 0.1)
    with taken(14, 15):
        with pytest.raises(Refusal) as raised:
            ask(7, "SELECT 1")
        assert raised.value.code == "too_many_queries"
        assert ask(8, "SELECT 1") == (1,)
    assert ask(7, "SELECT 1") == (1,)


def test_some_threads_are_always_left_for_sending(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.3)
    may_end = threading.Event()
    refused = places.WAITING_THREADS + 3
    threads = settings.READS_PER_PROCESS + refused

    def read(organisation_id: int) -> str:
        try:
            with reading(organisation_id):
                assert may_end.wait(DEADLINE_SECONDS)
            return "read"
        except Refusal as error:
            return error.code
        finally:
            connections[ALIAS].close()

    with ThreadPoolExecutor(threads) as pool:
        answered = [pool.submit(read, number) for number in range(threads)]
        wait_until(lambda: sum(answer.done() for answer in answered) == refused, what="the refusals")
        may_end.set()
        answers = [answer.result() for answer in answered]
    assert answers.count("read") == settings.READS_PER_PROCESS
    assert answers.count("overloaded") == refused
    assert ask(1, "SELECT 1") == (1,)
