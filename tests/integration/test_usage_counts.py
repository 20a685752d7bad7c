"""Counted refusals: from the process into the hourly rows, each once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models import Sum
from django.utils import timezone

from accounts.caller import Caller
from quotas import ledger, outcomes
from quotas.models import HourlyUsage, OutcomeFold
from quotas.tally import MAX_KINDS, Amount, Kind, Parcel, Tally
from tests.counting import round_trips

pytestmark = pytest.mark.django_db(transaction=True)  # a refused statement ends its transaction


@pytest.fixture(autouse=True)
def _nothing_noted(transactional_db: None) -> Iterator[None]:
    outcomes.flush()
    OutcomeFold.objects.all().delete()  # of what a test before has noted
    HourlyUsage.objects.all().delete()
    yield
    outcomes.flush()


def counted() -> dict[str, tuple[int, int, int]]:
    return {
        outcome: (requests, entries, size_bytes)
        for outcome, requests, entries, size_bytes in HourlyUsage.objects.order_by()
        .values_list("outcome")
        .annotate(Sum("requests"), Sum("entries"), Sum("bytes"))
    }


def test_what_was_noted_is_in_the_hourly_usage(caller: Caller) -> None:
    began = datetime.now(UTC)
    for _ in range(3):
        outcomes.note(caller, "rate_limited")
    outcomes.note(caller, "below_level", requests=0, entries=7, size_bytes=70)
    outcomes.flush()
    assert counted() == {"rate_limited": (3, 0, 0), "below_level": (0, 7, 70)}
    hour = HourlyUsage.objects.values_list("hour", flat=True).first()
    assert hour in {now.replace(minute=0, second=0, microsecond=0) for now in (began, datetime.now(UTC))}


def test_counts_of_two_processes_add_up(caller: Caller) -> None:
    kind = Kind(3600, caller.organisation_id, caller.api_key_id, "rate_limited")
    for requests in (2, 3):
        process = Tally()
        process.add(kind, Amount(requests, 0, 0))
        process.hand_over(outcomes._write)
    assert counted() == {"rate_limited": (5, 0, 0)}


def test_noting_asks_neither_database_nor_valkey(caller: Caller) -> None:
    connection.close()
    with round_trips() as sent:
        for _ in range(100):
            outcomes.note(caller, "rate_limited")
    assert sent == []
    assert connection.connection is None


def test_counts_whose_commit_got_no_answer_are_not_added_twice(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    write = outcomes._write

    def lose_the_answer(parcel: Parcel) -> None:
        write(parcel)
        raise OperationalError

    outcomes.note(caller, "rate_limited")
    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "_write", lose_the_answer)
        with pytest.raises(OperationalError):
            outcomes.flush()
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    assert counted() == {"rate_limited": (2, 0, 0)}


def test_counts_that_the_database_refuses_come_again(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: object) -> None:
        raise DatabaseError

    outcomes.note(caller, "rate_limited")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "count", fail)
        with pytest.raises(DatabaseError):
            outcomes.flush()
    assert OutcomeFold.objects.count() == 0
    outcomes.flush()
    assert counted() == {"rate_limited": (1, 0, 0)}


def test_more_kinds_than_one_parcel_holds_arrive_whole(caller: Caller) -> None:
    for number in range(1200):
        outcomes.note(caller, f"code_{number}")
    outcomes.flush()
    assert HourlyUsage.objects.count() == 1200


def test_memory_is_bounded(caller: Caller) -> None:
    tally = Tally()
    for number in range(MAX_KINDS + 10):
        tally.add(Kind(0, 1, number, "rate_limited"), Amount(1, 0, 0))
    assert len(tally._amounts) == MAX_KINDS


def test_the_counts_of_a_deleted_key_do_not_stop_the_others(caller: Caller) -> None:
    outcomes.note(replace(caller, api_key_id=0), "rate_limited")
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    assert counted() == {"rate_limited": (1, 0, 0)}


def test_parcels_are_forgotten_after_a_week(caller: Caller) -> None:
    outcomes.flush()  # what other tests have left to be written
    OutcomeFold.objects.all().delete()
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    assert outcomes.forget_old() == 0
    OutcomeFold.objects.update(folded_at=timezone.now() - timedelta(days=8))
    assert outcomes.forget_old() == 1
