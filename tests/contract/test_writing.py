"""What is written to a store is there, whole and once, until it is deleted."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from msgspec import Raw

from storage.batch import Batch
from storage.errors import Refused, Unavailable
from storage.store import Presence, Store, StoredDay, write_what_can_be
from storage.store import store as open_store
from storage.tally import Tally
from tests.contract.batches import NOW, arrival_of, batch_of, whole
from tests.integration.spool_rows import entries_refused

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

NUL = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"secret \\u0000"}'
UNKNOWN_LEVEL = b'{"timestamp":"2026-01-26T14:30:00Z","level":"bad","message":"secret"}'
DAY = timedelta(days=1)


def messages(store: Store, batch: Batch) -> list[str]:
    return [entry.message for entry in store.reader.batch(arrival_of(batch))]


def tallies(store: Store, day: date) -> list[Presence]:
    with transaction.atomic():
        return list(store.writer.tallies(day))


def exact(value: Any) -> Any:
    """Return a document with its numbers as the decimals that they are in JSON: 1e22 may come back spelt out."""
    match value:
        case dict():
            return {name: exact(inner) for name, inner in value.items()}
        case list():
            return list(map(exact, value))
        case int() | float() if not isinstance(value, bool):
            return Decimal(repr(value))
    return value


class TryFailed(Exception):
    """Whatever keeps a transaction from its end."""


def test_every_field_comes_back_as_it_was_sent(store: Store, organisation_id: int) -> None:
    sent = {
        "timestamp": datetime(2026, 1, 26, 14, 30, 5, 123456, tzinfo=UTC),
        "level": "panic",
        "message": "späte Grüße 🎉\n",
        "environment": "staging",
        "project_id": "billing",
        "trace_id": "t",
        "span_id": "s",
        "parent_span_id": "p",
        "privacy_mode": False,
    }
    batch = batch_of(sent, organisation_id=organisation_id)
    store.writer.write([batch])

    [entry] = store.reader.batch(arrival_of(batch))
    assert (entry.id, entry.received_at) == (batch.batch_id * 1024, batch.received_at)
    assert (entry.timestamp, entry.level.label, entry.message) == (sent["timestamp"], "panic", sent["message"])
    assert (entry.environment, entry.project, entry.privacy_mode) == ("staging", "billing", False)
    assert (entry.trace_id, entry.span_id, entry.parent_span_id) == ("t", "s", "p")
    assert (entry.metadata, entry.error, entry.size_bytes) == (None, None, batch.size_bytes)


def test_what_an_entry_leaves_out_is_its_batch_s_or_nothing(store: Store, organisation_id: int) -> None:
    batch = batch_of({}, organisation_id=organisation_id)
    store.writer.write([batch])
    [entry] = store.reader.batch(arrival_of(batch))
    assert (entry.environment, entry.project) == ("production", "shop")
    assert (entry.trace_id, entry.span_id, entry.parent_span_id, entry.privacy_mode) == (None, None, None, None)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"": ""},
        {"a": None, "b": [], "c": {}, "d": [None, [1, [2]]]},
        {"big": 2**70, "small": -(2**70), "tiny": 1e-300, "huge": 1e300, "tenth": 0.1, "zero": -0.0},
        {"quotes": 'say "hi"', "back\\slash": "\\", "tab": "\t", "%s": "$.x", "ü": "日本 😀"},
        {"2": True, "10": False, "1": "2"},
    ],
)
def test_metadata_and_error_come_back_equal(store: Store, organisation_id: int, document: dict[str, Any]) -> None:
    error = {"type": "PaymentError", "message": "no", "stack_trace": ["a", "b"], "context": document}
    batch = batch_of({"metadata": document, "error": error}, organisation_id=organisation_id)
    store.writer.write([batch])
    [entry] = store.reader.batch(arrival_of(batch))
    assert entry.metadata is not None
    assert entry.error is not None
    assert exact(json.loads(bytes(entry.metadata))) == exact(document)
    assert exact(json.loads(bytes(entry.error))) == exact(error)


@pytest.mark.parametrize(
    "number", ["1e300", "-1e300", "1e-300", "1.5e-7", "100.0", "1.0", "-5", "12345678901234567890", "1e40", "0.1"]
)
def test_number_comes_back_as_it_was_charged(store: Store, organisation_id: int, number: str) -> None:
    batch = batch_of({"metadata": {"n": [Raw(number.encode())]}}, organisation_id=organisation_id)
    store.writer.write([batch])
    [entry] = store.reader.batch(arrival_of(batch))
    assert entry.metadata is not None
    assert bytes(entry.metadata) == b'{"n":[%b]}' % number.encode()


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999998, UTC),
    ],
)
def test_time_of_an_entry_may_be_any_year(store: Store, organisation_id: int, moment: datetime) -> None:
    store.writer.write([batch_of({"timestamp": moment}, organisation_id=organisation_id)])
    [entry] = store.reader.page(whole(organisation_id), limit=10)
    assert entry.timestamp == moment
    [count] = store.reader.level_counts(whole(organisation_id), step=DAY)
    assert count.start == moment.replace(hour=0, minute=0, second=0, microsecond=0)


def test_several_batches_are_written_at_once(store: Store, organisation_id: int) -> None:
    batches = [batch_of({"message": f"{n}"}, {}, organisation_id=organisation_id) for n in range(3)]
    store.writer.write(batches)
    assert [messages(store, batch) for batch in batches] == [["0", "hello"], ["1", "hello"], ["2", "hello"]]


def test_after_a_try_that_broke_the_next_stores_once(store: Store, organisation_id: int) -> None:
    batch = batch_of({"message": "one"}, {"message": "two"}, organisation_id=organisation_id)

    def try_and_fail() -> None:
        with transaction.atomic():
            store.writer.write([batch])
            raise TryFailed

    with pytest.raises(TryFailed):
        try_and_fail()
    assert messages(store, batch) == ([] if store.writer.joins_transaction else ["one", "two"])
    with transaction.atomic():
        store.writer.write([batch])
    assert messages(store, batch) == ["one", "two"]


def test_what_is_stored_is_not_stored_again(store: Store, organisation_id: int) -> None:
    """A store that joins the transaction cannot meet this but by a bug, and refuses."""
    batch = batch_of({"message": "one"}, organisation_id=organisation_id)
    store.writer.write([batch])
    with suppress(Refused), transaction.atomic():
        store.writer.write([batch])
    assert messages(store, batch) == ["one"]


@pytest.mark.parametrize("bad", [NUL, UNKNOWN_LEVEL, b"{", b"\xff"])
def test_refused_entry_takes_its_batches_with_it_and_is_not_quoted(
    store: Store, organisation_id: int, bad: bytes
) -> None:
    batches = [batch_of({"message": "secret"}, organisation_id=organisation_id)]
    batches.append(batch_of({"message": "secret"}, bad, organisation_id=organisation_id))

    with pytest.raises(Refused) as refused, transaction.atomic():
        store.writer.write(batches)

    assert refused.value.is_proven  # what they hold is why
    assert "secret" not in refused.value.reason
    assert [messages(store, batch) for batch in batches] == [[], []]


@pytest.mark.parametrize("sqlstate", ["XX001", "42501", "42703", "23505", "23514", "54000", "P0001", "0A000"])
def test_what_postgresql_may_be_to_blame_for_is_a_doubtful_refusal(organisation_id: int, sqlstate: str) -> None:
    with entries_refused(sqlstate=sqlstate), pytest.raises(Refused) as refused, transaction.atomic():
        open_store().writer.write([batch_of({"message": "secret"}, organisation_id=organisation_id)])
    assert not refused.value.is_proven
    assert sqlstate in refused.value.kind
    assert "secret" not in refused.value.reason


@pytest.mark.parametrize(
    ("sqlstate", "clears"), [("53100", True), ("55P03", True), ("57014", False), ("57P01", False), ("58030", False)]
)
def test_outage_of_postgresql_is_nobodys_refusal(organisation_id: int, sqlstate: str, clears: bool) -> None:
    with entries_refused(sqlstate=sqlstate), pytest.raises(Unavailable) as raised, transaction.atomic():
        open_store().writer.write([batch_of({}, organisation_id=organisation_id)])
    assert raised.value.clears_batches is clears


def test_refused_batch_is_taken_apart(store: Store, organisation_id: int) -> None:
    good = [{"message": f"{n}"} for n in range(7)]
    batch = batch_of(*good[:2], NUL, *good[2:], UNKNOWN_LEVEL, organisation_id=organisation_id)

    tally = Tally()

    with transaction.atomic():
        refused = write_what_can_be(batch, tally)

    assert sorted(refused) == [2, 8]
    assert [entries for *_, entries in tally.rows()] == [7]
    assert all(why.is_proven and "secret" not in why.reason for why in refused.values())
    assert [entry.message for entry in store.reader.batch(arrival_of(batch))] == [f"{n}" for n in range(7)]
    assert [entry.id % 1024 for entry in store.reader.batch(arrival_of(batch))] == [0, 1, 3, 4, 5, 6, 7]


def test_deletion_takes_old_entries_of_one_organisation_within_a_limit(
    store: Store, organisation_id: int, new_organisation: Any
) -> None:
    other_id = new_organisation()
    for owner in (organisation_id, other_id):
        store.writer.write([batch_of({}, {}, {}, organisation_id=owner, received_at=NOW - DAY)])
        store.writer.write([batch_of({}, organisation_id=owner)])

    assert store.writer.delete(organisation_id, before=NOW, limit=2) == 2
    assert store.writer.delete(organisation_id, before=NOW, limit=2) == 1
    assert store.writer.delete(organisation_id, before=NOW, limit=2) == 0

    assert len(store.reader.page(whole(organisation_id), limit=10)) == 1
    assert len(store.reader.page(whole(other_id), limit=10)) == 4


def test_tallies_count_one_day_by_batch_in_order(store: Store, organisation_id: int, new_organisation: Any) -> None:
    other_id, day = new_organisation(), NOW.date() - 3 * DAY
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    last = first + DAY - timedelta(microseconds=1)
    of_day = [
        batch_of({}, {}, organisation_id=organisation_id, received_at=last),
        batch_of({}, organisation_id=other_id, received_at=first),
    ]
    store.writer.write(of_day[::-1])
    store.writer.write([batch_of({}, organisation_id=organisation_id, received_at=first + DAY)])
    store.writer.write([batch_of({}, organisation_id=organisation_id, received_at=first - DAY)])

    assert tallies(store, day) == [
        Presence(one.batch_id, one.organisation_id, one.received_at, len(one.lines), one.size_bytes, 0)
        for one in of_day
    ]
    assert tallies(store, day + 365 * DAY) == []


def test_days_before_another_are_dropped_whole(store: Store, organisation_id: int) -> None:
    days = [NOW - n * DAY for n in (40, 39, 38)]
    batches = [batch_of({}, organisation_id=organisation_id, received_at=day) for day in days]
    store.writer.write(batches)
    assert {day.date() for day in days} <= {stored.day for stored in store.days.stored()}

    store.days.drop_before(days[2].date())
    store.days.drop_before(days[2].date())

    assert min(stored.day for stored in store.days.stored()) == days[2].date()
    assert [len(messages(store, batch)) for batch in batches] == [0, 0, 1]
    store.days.drop_before(days[2].date() + DAY)


def test_there_is_a_place_for_the_days_ahead(store: Store) -> None:
    assert store.days.ahead() == 7
    assert store.days.make_ahead(7) == []
    assert store.days.stored() == sorted(store.days.stored(), key=lambda stored: stored.day)
    assert all(isinstance(stored, StoredDay) for stored in store.days.stored())
