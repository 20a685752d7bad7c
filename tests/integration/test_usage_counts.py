"""Counted refusals: from the process through Valkey into the hourly rows, each once."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import redis
from django.db import DatabaseError, connection

from accounts.caller import Caller
from foundation import valkey
from quotas import ledger, outcomes
from quotas.models import HourlyUsage, OutcomeFold
from quotas.tally import HASH, MAX_KINDS, Amount, Kind, Tally


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    outcomes.flush()
    valkey.patient_client().delete(valkey.key(HASH), valkey.key(HASH, outcomes.ASIDE))
    yield
    outcomes.flush()


def counted() -> dict[str, tuple[int, int, int]]:
    return {
        outcome: tuple(numbers)
        for outcome, *numbers in HourlyUsage.objects.values_list("outcome", "requests", "entries", "bytes")
    }


def test_what_was_noted_is_in_the_hourly_usage_after_a_fold(caller: Caller) -> None:
    for _ in range(3):
        outcomes.note(caller, "rate_limited")
    outcomes.note(caller, "below_level", requests=0, entries=7, size_bytes=70)
    outcomes.flush()
    assert outcomes.fold() == 2
    assert counted() == {"rate_limited": (3, 0, 0), "below_level": (0, 7, 70)}
    hour = HourlyUsage.objects.values_list("hour", flat=True).first()
    assert hour == datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.mark.django_db(transaction=True)
def test_noting_asks_neither_database_nor_valkey(caller: Caller) -> None:
    connection.close()
    commands = valkey.patient_client().info("stats")["total_commands_processed"]
    for _ in range(100):
        outcomes.note(caller, "rate_limited")
    assert valkey.patient_client().info("stats")["total_commands_processed"] - commands == 1  # this INFO
    assert connection.connection is None


def test_nothing_noted_is_nothing_to_fold(db: None) -> None:
    assert outcomes.fold() == 0


def test_a_process_hands_over_by_itself_within_seconds(caller: Caller) -> None:
    outcomes.note(caller, "rate_limited")
    deadline = time.monotonic() + outcomes.FLUSH_SECONDS + 2
    while not valkey.patient_client().exists(valkey.key(HASH)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert outcomes.fold() == 1


def test_a_fold_whose_removal_got_lost_is_not_counted_twice(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    original = outcomes.script

    def lose_the_removal(name: str) -> object:
        if name == "drop_outcomes":
            raise redis.TimeoutError
        return original(name)

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "script", lose_the_removal)
        with pytest.raises(redis.TimeoutError):
            outcomes.fold()
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    outcomes.fold()
    outcomes.fold()
    assert counted() == {"rate_limited": (2, 0, 0)}


def test_a_fold_that_the_database_refuses_comes_again(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes.note(caller, "rate_limited")
    outcomes.flush()

    def fail(rows: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "count", fail)
        with pytest.raises(DatabaseError):
            outcomes.fold()
    assert OutcomeFold.objects.count() == 0
    outcomes.fold()
    assert counted() == {"rate_limited": (1, 0, 0)}


def test_a_parcel_sent_twice_counts_once(caller: Caller) -> None:
    tally = Tally()
    tally.add(Kind(3600, caller.organisation_id, caller.api_key_id, "rate_limited"), Amount(5, 0, 0))
    parcel = tally._next_parcel()
    tally.send()
    tally._parcel = parcel  # as if the first answer had never come
    tally.send()
    outcomes.fold()
    assert counted() == {"rate_limited": (5, 0, 0)}


def test_more_kinds_than_one_parcel_holds_arrive_whole(caller: Caller) -> None:
    for number in range(1200):
        outcomes.note(caller, f"code_{number}")
    outcomes.flush()
    assert outcomes.fold() == 1200


def test_memory_is_bounded(caller: Caller) -> None:
    tally = Tally()
    for number in range(MAX_KINDS + 10):
        tally.add(Kind(0, 1, number, "rate_limited"), Amount(1, 0, 0))
    assert len(tally._amounts) == MAX_KINDS


def test_the_counts_of_a_deleted_key_do_not_stop_the_others(caller: Caller) -> None:
    outcomes.note(replace(caller, api_key_id=0), "rate_limited")
    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    outcomes.fold()
    assert counted() == {"rate_limited": (1, 0, 0)}
