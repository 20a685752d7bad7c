"""Retention by plan, on real partitions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.caller import Caller
from foundation.postgres import current_day, execute
from quotas.models import Quota
from storage import retention
from storage.models import DroppedPartition, LogEntry, Retention
from storage.postgres import partitions, writer

pytestmark = pytest.mark.django_db(transaction=True)

INSERT = """
INSERT INTO storage_entry (id, organisation_id, received_at, timestamp, level, environment, project, message,
                              size_bytes)
SELECT %s + n, %s, received_at, received_at, 20, 'production', 'shop', 'hello', 10
  FROM generate_series(1, %s) AS n,
       LATERAL (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => %s) + interval '1 hour') t (received_at)
"""


def store_entries(caller: Caller, *, entries: int, days_ago: int) -> None:
    partitions.make({current_day() - timedelta(days=days_ago)})
    execute(INSERT, [caller.organisation_id * 10**9 + days_ago * 10**6, caller.organisation_id, entries, days_ago])


def keep(caller: Caller, *, days: int) -> None:
    Quota.objects.filter(organisation_id=caller.organisation_id).update(retention_days=days)


def ages(caller: Caller) -> list[int]:
    received = LogEntry.objects.filter(organisation_id=caller.organisation_id).values_list("received_at", flat=True)
    return sorted({(current_day() - at.date()).days for at in received})


def test_entries_older_than_the_plan_keeps_go_and_others_stay(make_caller: Callable[..., Caller]) -> None:
    short, long = make_caller(), make_caller()
    keep(short, days=2)
    keep(long, days=9)
    for caller in (short, long):
        for days_ago in (0, 1, 2, 3, 8):
            store_entries(caller, entries=3, days_ago=days_ago)

    (deletion,) = retention.delete_expired()

    assert (deletion.organisation_id, deletion.entries, deletion.is_complete) == (short.organisation_id, 6, True)
    assert ages(short) == [0, 1, 2]
    assert ages(long) == [0, 1, 2, 3, 8]
    row = Retention.objects.get(organisation_id=short.organisation_id)
    assert (row.deleted_entries, row.deleted_entries_in_all, row.emptied_before) == (6, 6, deletion.before)
    assert retention.delete_expired() == []


def test_deletion_goes_in_bounded_batches_and_goes_on_next_time(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "deletes_at_once", 10)
    keep(caller, days=1)
    store_entries(caller, entries=25, days_ago=3)
    (first,) = retention.delete_expired(budget_seconds=60)
    assert (first.entries, first.is_complete) == (25, True)

    store_entries(caller, entries=25, days_ago=4)
    assert retention.delete_expired(budget_seconds=0) == []
    assert ages(caller) == [4]


def test_a_partition_that_no_plan_keeps_is_dropped_and_recorded(make_caller: Callable[..., Caller]) -> None:
    short, long = make_caller(), make_caller()
    keep(short, days=2)
    keep(long, days=5)
    store_entries(short, entries=2, days_ago=5)
    store_entries(long, entries=2, days_ago=6)

    assert retention.drop_expired() >= 1

    today = current_day()
    days = [partition.day for partition in partitions.list_partitions()]
    assert min(days) == today - timedelta(days=5)
    assert DroppedPartition.objects.filter(day=today - timedelta(days=6)).exists()
    assert ages(long) == []
    assert ages(short) == [5]


def test_an_override_of_the_retention_acts(caller: Caller) -> None:
    store_entries(caller, entries=1, days_ago=8)
    assert retention.delete_expired() == []
    keep(caller, days=1)
    assert [deletion.entries for deletion in retention.delete_expired()] == [1]


def test_the_admin_shows_what_went(caller: Caller, admin_client: Client) -> None:
    keep(caller, days=1)
    store_entries(caller, entries=4321, days_ago=3)
    retention.delete_expired()
    DroppedPartition.objects.create(day=current_day(), entries=77_777, size_bytes=1)
    assert "4321" in admin_client.get("/admin/storage/retention/").content.decode()
    assert "77777" in admin_client.get("/admin/storage/droppedpartition/").content.decode()
