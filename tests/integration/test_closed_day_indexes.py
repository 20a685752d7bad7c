"""Closed days get the index that searches words, which the open day never does; and what older days lack."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import connection

from explore.query import parse
from foundation.postgres import current_day, execute, fetch_all
from storage.postgres import indexes, partitions
from storage.postgres.indexes import index_closed_days, index_day
from storage.postgres.predicates import compile_condition
from storage.postgres.reads import reading
from storage.wall import ENTRIES

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])
ERRORS = r"""
SELECT indrelid::regclass::text FROM pg_index
 WHERE indisvalid AND indrelid::regclass::text ~ '^storage_entry_\d+$'
   AND pg_get_indexdef(indexrelid) LIKE '%(organisation_id, error_key, %'
"""
MANY = """
INSERT INTO storage_entry (id, organisation_id, received_at, timestamp, size_bytes, level, environment, project,
                              message, metadata)
SELECT n * 1024, 1, %s::date + interval '12 h', %s::date + random() * interval '24 h', 99, 20, 'production', 'shop',
       'hello', format('{"text":"number %%s"}', n)
  FROM generate_series(1, 6000) AS n
"""
BTREE_OF_TIME = """
SELECT indexrelid::regclass::text FROM pg_index
 WHERE indrelid = to_regclass(%s) AND pg_get_indexdef(indexrelid) LIKE '%%(organisation_id, "timestamp")'
"""


@pytest.fixture(autouse=True)
def _without_indexes() -> None:
    for partition in partitions.list_partitions():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX IF EXISTS {partitions.table_name(partition.day)}_words")


def valid_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")
        return {name for (name,) in cursor.fetchall() if name.endswith("_words")}


def names(*days_ago: int) -> set[str]:
    today = current_day()
    return {f"{partitions.table_name(today - timedelta(days=n))}_words" for n in days_ago}


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


@pytest.fixture
def large_yesterday() -> date:
    """Yesterday, with thousands of entries in another order than their times."""
    make_days(1)
    day = current_day() - timedelta(days=1)
    execute(MANY, [day, day])
    execute(f"ANALYZE {partitions.table_name(day)}")
    return day


def days_with_errors_indexed() -> set[str]:
    return {name for (name,) in fetch_all(ERRORS)}


@pytest.fixture
def _of_before_errors() -> Iterator[None]:
    """The days that there are have the index of words, and none of errors, as after an upgrade."""
    partitions.make_ahead()
    make_days(1, 2, 3)
    index_closed_days(limit=1_000)
    [(definition,)] = fetch_all("SELECT pg_get_indexdef('storage_entry_error'::regclass)")
    whole = definition.replace(" ON ONLY ", " ON ")
    execute("DROP INDEX storage_entry_error")
    execute(whole.replace(" ON ", " ON ONLY ", 1))
    yield
    execute("DROP INDEX storage_entry_error")
    execute(whole)  # takes those of days for its own


@pytest.mark.usefixtures("_of_before_errors")
def test_day_of_before_groups_gets_their_index_with_trigrams_or_without(large_yesterday: date) -> None:
    day, table = large_yesterday, partitions.table_name(large_yesterday)
    execute("UPDATE storage_entry SET error_key = id / 1024 %% 1000 WHERE id / 1024 %% 10 = 0")
    execute(f"ANALYZE {table}")
    assert days_with_errors_indexed() == set()
    assert index_closed_days(limit=1) == [day]
    with reading(1) as reader:
        plan = reader.rows(f"EXPLAIN SELECT id FROM {ENTRIES} WHERE error_key = ANY ('{{10,20}}')", [])
    assert f"{table}_error" in str(plan)

    execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", [f"{table}_error"])
    execute("DROP EXTENSION pg_trgm CASCADE")
    try:
        assert index_closed_days(limit=2) == [day, day - timedelta(days=1)]
        index_closed_days(limit=1_000)
        assert index_closed_days(limit=1_000) == []
    finally:
        execute("CREATE EXTENSION pg_trgm")
    past = {partitions.table_name(one.day) for one in partitions.list_partitions() if one.day < current_day()}
    assert days_with_errors_indexed() == {name for name in past if name.startswith("storage_entry_")}


@pytest.mark.usefixtures("_of_before_errors")
def test_day_that_is_made_after_an_upgrade_has_the_index_of_errors_and_gets_no_second() -> None:
    day = date(2020, 1, 7)
    partitions.make({day})
    try:
        assert days_with_errors_indexed() == {partitions.table_name(day)}
        index_day(day)
        assert fetch_all("SELECT to_regclass(%s)", [f"{partitions.table_name(day)}_error"]) == [(None,)]
    finally:
        execute(f"DROP TABLE {partitions.table_name(day)}")


def test_index_serves_words_behind_the_wall(large_yesterday: date) -> None:
    index_day(large_yesterday)
    condition = compile_condition(parse("number*777"))
    with reading(1) as reader:
        plan = reader.rows(f"EXPLAIN SELECT id FROM {ENTRIES} WHERE {condition.sql}", condition.parameters)
    assert f"Bitmap Index Scan on {names(1).pop()}" in str(plan)


def test_closing_packs_a_day_that_came_in_another_order(large_yesterday: date) -> None:
    [(index,)] = fetch_all(BTREE_OF_TIME, [partitions.table_name(large_yesterday)])
    [(before,)] = fetch_all("SELECT pg_relation_size(%s::regclass)", [index])
    index_day(large_yesterday)
    [(after,)] = fetch_all("SELECT pg_relation_size(%s::regclass)", [index])
    assert after <= 0.85 * before


def test_day_of_before_gets_the_index_of_words_for_that_of_messages() -> None:
    name = "storage_logentry_20200105"
    execute(f"CREATE TABLE {name} PARTITION OF storage_logentry FOR VALUES FROM ('2020-01-05') TO ('2020-01-06')")
    try:
        execute(f"CREATE INDEX {name}_message ON {name} USING gin (message gin_trgm_ops)")
        assert date(2020, 1, 5) in index_closed_days(limit=1_000)
        indexes_of = fetch_all("SELECT indexname FROM pg_indexes WHERE tablename = %s", [name])
        assert (f"{name}_words",) in indexes_of
        assert (f"{name}_message",) not in indexes_of
        assert (f"{name}_error",) not in indexes_of
    finally:
        execute(f"DROP TABLE {name}")
