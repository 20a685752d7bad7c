"""Closed days get the index that searches messages; the open day never does."""

from datetime import timedelta

import pytest
from django.db import connection

from foundation.postgres import current_day
from storage.postgres import indexes, partitions
from storage.postgres.indexes import index_closed_days, index_day
from tests.entries import store_entry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _without_indexes() -> None:
    for partition in partitions.list_partitions():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX IF EXISTS {partitions.table_name(partition.day)}_message")


def valid_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")
        return {name for (name,) in cursor.fetchall() if name.endswith("_message")}


def names(*days_ago: int) -> set[str]:
    today = current_day()
    return {f"{partitions.table_name(today - timedelta(days=n))}_message" for n in days_ago}


def make_days(*days_ago: int) -> None:
    partitions.make({current_day() - timedelta(days=n) for n in days_ago})


def test_newest_closed_days_are_indexed_first_and_once() -> None:
    make_days(0, 1, 2, 3)
    today = current_day()
    assert index_closed_days(limit=2) == [today - timedelta(days=1), today - timedelta(days=2)]
    assert valid_indexes() == names(1, 2)
    assert today - timedelta(days=3) in index_closed_days(limit=100)
    assert index_closed_days(limit=100) == []
    assert not valid_indexes() & names(0, -1)


def test_interrupted_build_is_done_again() -> None:
    make_days(1)
    yesterday = current_day() - timedelta(days=1)
    index_day(yesterday)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", list(names(1)))
    assert index_day(yesterday)
    assert names(1) <= valid_indexes()


def test_only_one_builder_works_at_a_time() -> None:
    make_days(40)  # a day that no other test has indexed
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [indexes.LOCK])
            assert index_closed_days(limit=1) == []
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [indexes.LOCK])
    finally:
        other.close()
    assert current_day() - timedelta(days=40) in index_closed_days(limit=100)


def test_without_trigrams_nothing_is_built() -> None:
    make_days(1)
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm")
        try:
            assert index_closed_days(limit=1) == []
        finally:
            cursor.execute("CREATE EXTENSION pg_trgm")


def test_index_serves_the_search_of_a_message() -> None:
    make_days(1)
    yesterday = current_day() - timedelta(days=1)
    store_entry(message="the xylophone plays")
    index_day(yesterday)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        table = partitions.table_name(yesterday)
        cursor.execute(f"EXPLAIN SELECT FROM {table} WHERE message ILIKE '%xylophone%'")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan; RESET enable_indexscan")
    assert f"{table}_message" in plan
