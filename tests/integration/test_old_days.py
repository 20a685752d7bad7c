"""Days from before documents were text are searched, counted, deleted and dropped as all others."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explore.query import matches, parse
from explore.shape import as_mapping
from foundation.postgres import execute, fetch_all
from storage.arrivals import Arrival
from storage.search import Search
from storage.store import Presence, StoredDay, store
from tests.contract.batches import batch_of
from tests.contract.queries import entries, queries

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

DAY = date(2020, 1, 5)
NOON = datetime(2020, 1, 5, 12, tzinfo=UTC)
ACME, RIVAL = 71, 72
ADD = """
INSERT INTO storage_logentry (id, organisation_id, received_at, timestamp, level, environment, project, message,
                              metadata, error, size_bytes)
VALUES (%s, %s, %s, %s, 40, 'production', 'shop', %s, %s, %s, 50)
"""
ERROR = {"type": "PaymentError", "message": "Insufficient funds", "stack_trace": ["at pay.ts:45"]}
_batch_ids = itertools.count(5_000)


def add(organisation_id: int, entries: list[dict[str, Any]]) -> int:
    """Store a batch as the code of before did; return its id."""
    batch_id = next(_batch_ids)
    for n, entry in enumerate(entries):
        documents = [None if entry.get(name) is None else json.dumps(entry[name]) for name in ("metadata", "error")]
        when = NOON + timedelta(seconds=2 * n)
        execute(ADD, [batch_id * 1024 + n, organisation_id, NOON, when, entry.get("message", "hello"), *documents])
    return batch_id


def found(query: str, organisation_id: int = ACME) -> list[str]:
    search = Search(organisation_id, parse(query), NOON - timedelta(days=1), NOON + timedelta(days=1))
    return [entry.message for entry in store().reader.page(search, limit=100)]


@pytest.fixture(autouse=True)
def _old_day() -> Iterator[None]:
    execute("CREATE TABLE storage_logentry_20200105 PARTITION OF storage_logentry"
            " FOR VALUES FROM ('2020-01-05 00:00+00') TO ('2020-01-06 00:00+00')")  # fmt: skip
    yield
    store().days.drop_before(date(2021, 1, 1))


@pytest.fixture
def batch_id() -> int:
    add(RIVAL, [{"message": "theirs", "metadata": {"userId": 7}, "error": ERROR}])
    return add(ACME, [{"message": "one", "metadata": {"userId": 7, "ms": 501, "tags": ["Red"]}},
                      {"message": "two", "metadata": {"userId": 8, "ms": 20}, "error": ERROR}])  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["two", "one"]),
        ("insufficient funds", ["two"]),
        ("PaymentError", ["two"]),
        ("red", ["one"]),
        ("501", ["one"]),
        ("userId", []),
        ("userId:7", ["one"]),
        ("ms:>500", ["one"]),
        ("ms:<500", ["two"]),
        ("tags:R*", ["one"]),
        ("error.type:PaymentError", ["two"]),
        ("has:error", ["two"]),
        ("-funds", ["one"]),
        ("theirs", []),
    ],
)
def test_old_day_is_searched_as_any_other(batch_id: int, query: str, expected: list[str]) -> None:
    assert found(query) == expected


def test_old_and_new_entries_of_a_day_come_in_one_order(batch_id: int) -> None:
    between = [{"timestamp": NOON + timedelta(seconds=n), "message": f"new {n}"} for n in (1, 3)]
    store().writer.write([batch_of(*between, organisation_id=ACME, received_at=NOON)])
    assert found("") == ["new 3", "two", "new 1", "one"]
    assert found("-red") == ["new 3", "two", "new 1"]


def test_old_documents_come_back_compact_and_whole(batch_id: int) -> None:
    [first, second] = store().reader.batch(Arrival(batch_id, ACME, NOON, NOON, 1, 2))
    assert first.metadata is not None
    assert bytes(first.metadata) == b'{"ms":501,"tags":["Red"],"userId":7}'
    one = store().reader.entry(ACME, second.id)
    assert one is not None
    assert json.loads(bytes(one.error or b"")) == ERROR
    assert store().reader.entry(RIVAL, second.id) is None


def test_old_entries_are_counted_deleted_and_dropped(batch_id: int) -> None:
    with transaction.atomic():
        assert Presence(batch_id, ACME, NOON, 2, 100, 0) in list(store().writer.tallies(DAY))
    search = Search(ACME, parse("-funds"), NOON, NOON + timedelta(hours=1))
    assert [one.count for one in store().reader.level_counts(search, step=timedelta(hours=1))] == [1]
    assert [one.day for one in store().days.stored() if one.day == DAY] == [DAY]

    assert store().writer.delete(ACME, before=NOON + timedelta(days=1), limit=1) == 1
    assert store().writer.delete(ACME, before=NOON + timedelta(days=1), limit=10) == 1
    assert found("", RIVAL) == ["theirs"]
    store().days.drop_before(DAY + timedelta(days=1))
    assert fetch_all("SELECT to_regclass('storage_logentry_20200105')") == [(None,)]


def test_day_in_both_tables_is_one_day(batch_id: int) -> None:
    store().writer.write([batch_of({}, organisation_id=ACME, received_at=NOON)])
    [day] = [one for one in store().days.stored() if one.day == DAY]
    assert isinstance(day, StoredDay)
    store().days.drop_before(DAY + timedelta(days=1))
    assert DAY not in {one.day for one in store().days.stored()}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(stored=st.lists(entries, min_size=1, max_size=4), asked=st.lists(queries, min_size=1, max_size=8))
def test_old_days_and_oracle_agree(stored: list[dict[str, Any]], asked: list[str]) -> None:
    assume(not any(exponent in json.dumps(stored) for exponent in ("e+300", "e-07")))  # they are shown otherwise
    organisation_id = next(_batch_ids)
    add(organisation_id, stored)
    whole = Search(organisation_id, parse(""), NOON - timedelta(days=1), NOON + timedelta(days=1))
    shown = [(entry.message, as_mapping(entry)) for entry in store().reader.page(whole, limit=100)]
    for query in asked:
        assert found(query, organisation_id) == [message for message, one in shown if matches(parse(query), one)], query


@pytest.mark.parametrize("document", ["\x01{}", "[]", "text"])
@pytest.mark.parametrize("column", ["metadata", "error"])
def test_documents_that_are_no_objects_are_not_stored(column: str, document: str) -> None:
    """As those of a worker of before, which sends the binary form of `jsonb`."""
    store().writer.write([batch_of({"metadata": {"a": 1}}, organisation_id=ACME)])
    with pytest.raises(DatabaseError):
        execute(f"UPDATE storage_entry SET {column} = %s WHERE organisation_id = %s", [document, ACME])


def test_error_that_no_search_could_read_is_not_stored() -> None:
    store().writer.write([batch_of({}, organisation_id=ACME)])
    with pytest.raises(DatabaseError):
        execute("UPDATE storage_entry SET error = %s WHERE organisation_id = %s", ['{"type":"\\u0000"}', ACME])
