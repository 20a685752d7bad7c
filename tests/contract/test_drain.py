"""The door is real: the product keeps its entries in a store that it has never heard of."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from accounts.caller import Caller
from explore.search import find
from foundation.postgres import execute
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import table
from ingest.spool.dead_letters import HOPELESS_AFTER
from ingest.spool.drain import TAKE_APART_AFTER, drain
from ingest.spool.failures import store_stands_still
from operations.verification import verify
from quotas.models import Quota
from storage import arrivals, retention
from storage.errors import Refused, Unavailable
from storage.models import LogEntry, Receipt
from storage.store import Store
from tests.contract import memory
from tests.contract.batches import batch_of, whole
from tests.integration.spool_rows import NOW, part_of, receipts_refused, retry_at_once, spool_raw

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])
#: More failures than any batch survives that is to blame for them.
MANY = HOPELESS_AFTER + TAKE_APART_AFTER


@pytest.fixture(autouse=True)
def _no_claim_is_left(in_memory: Store) -> Iterator[None]:
    yield
    DrainClaim.objects.all().delete()


def at_once() -> None:
    """Look again without a pause: nothing is on its way."""


def stored(caller: Caller) -> list[str]:
    page = find(whole(caller.organisation_id), limit=100, newest_first=False)
    return [entry.message for entry in page.entries]


def test_what_is_accepted_is_drained_into_it_and_found_there(caller: Caller) -> None:
    table.accept(caller, [part_of("one", "two")])
    table.accept(caller, [part_of("three")])

    assert drain() == 2

    assert sorted(stored(caller)) == ["one", "three", "two"]
    assert not LogEntry.objects.exists()
    assert Receipt.objects.count() == 2
    assert not SpooledBatch.objects.exists()
    assert verify(wait=at_once) == []


def test_batch_that_was_stored_but_not_committed_is_stored_once(caller: Caller) -> None:
    """The store does not join the transaction: what it has written stays, and the next try meets it."""
    table.accept(caller, [part_of("one", "two")])
    with receipts_refused(sqlstate="23514"):
        assert drain() == 0
        assert stored(caller) == ["one", "two"]
        assert not Receipt.objects.exists()
    retry_at_once()

    assert drain() == 1

    assert stored(caller) == ["one", "two"]
    assert Receipt.objects.get().entries == 2
    assert verify(wait=at_once) == []


def test_poison_is_taken_apart(caller: Caller) -> None:
    good = part_of("good")
    nul = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"bad \\u0000"}'
    line = msgspec.json.encode({"timestamp": NOW, "level": "info", "message": "good"})
    spool_raw(caller, line, nul)
    table.accept(caller, [good])
    for _ in range(TAKE_APART_AFTER + 1):
        drain()
        retry_at_once()

    assert stored(caller) == ["good", "good"]
    assert DeadLetter.objects.get().reason == "NulError: a text holds NUL"
    assert verify(wait=at_once) == []


@pytest.mark.parametrize("clears_batches", [True, False])
def test_trouble_of_the_store_is_not_held_against_the_batches(
    caller: Caller, in_memory: Store, clears_batches: bool
) -> None:
    """The claim keeps its batches: nobody knows what of it is stored."""
    table.accept(caller, [part_of("one")])
    assert isinstance(in_memory.writer, memory.Writer)
    in_memory.writer.trouble = Unavailable(clears_batches=clears_batches)
    with pytest.raises(Unavailable):
        drain()
    in_memory.writer.trouble = None
    assert DrainClaim.objects.count() == 1
    assert list(SpooledBatch.objects.values_list("attempts", flat=True)) == [0]

    retry_at_once()
    assert drain() == 1
    assert stored(caller) == ["one"]


def test_doubtful_refusal_is_not_held_against_the_batches_while_nothing_is_stored(
    caller: Caller, in_memory: Store
) -> None:
    """Such a store cannot be tried with a plain entry: what others store tells alone."""
    assert isinstance(in_memory.writer, memory.Writer)
    in_memory.writer.trouble = Refused("Bug", "unknown column", is_proven=False)
    for n in range(MANY):
        table.accept(caller, [part_of(f"{n}")])
        retry_at_once()
        assert drain() == 0
    assert store_stands_still()
    assert not DeadLetter.objects.exists()
    in_memory.writer.trouble = None

    retry_at_once()
    assert drain() == MANY
    assert not store_stands_still()
    assert verify(wait=at_once) == []


def test_doubtful_refusal_is_held_against_a_batch_while_others_are_stored(
    make_caller: Callable[..., Caller], in_memory: Store
) -> None:
    poisonous, other = make_caller(), make_caller()
    assert isinstance(in_memory.writer, memory.Writer)
    in_memory.writer.trouble = Refused("Bug", "cannot be told", is_proven=False)
    in_memory.writer.trouble_is_of = poisonous.organisation_id
    table.accept(poisonous, [part_of("poison")])
    for n in range(TAKE_APART_AFTER + 2):
        retry_at_once()
        drain()
        table.accept(other, [part_of(f"{n}")])
        drain()
    assert DeadLetter.objects.get().organisation_id == poisonous.organisation_id
    assert len(stored(other)) == TAKE_APART_AFTER + 2
    assert verify(wait=at_once) == []


def test_live_tail_reads_it(caller: Caller, in_memory: Store) -> None:
    seen = arrivals.snapshot()
    table.accept(caller, [part_of("one", "two")])
    drain()
    window = arrivals.Window(seen=seen, until=arrivals.snapshot())
    [arrival], _ = arrivals.of(window, organisations=[caller.organisation_id])
    assert [entry.message for entry in in_memory.reader.batch(arrival)] == ["one", "two"]


def test_retention_empties_it(caller: Caller, in_memory: Store) -> None:
    old = batch_of({}, {}, organisation_id=caller.organisation_id, received_at=datetime.now(UTC) - timedelta(days=20))
    in_memory.writer.write([old, batch_of({}, organisation_id=caller.organisation_id)])
    Quota.objects.filter(organisation_id=caller.organisation_id).update(retention_days=3)

    assert [deletion.entries for deletion in retention.delete_expired()] == [2]

    assert stored(caller) == ["hello"]


def test_what_is_missing_in_it_is_found_by_the_ledger(caller: Caller, in_memory: Store) -> None:
    table.accept(caller, [part_of("one", "two")])
    table.accept(caller, [part_of("three")])
    drain()
    with_two = Receipt.objects.get(entries=2)
    in_memory.writer.delete(caller.organisation_id, before=datetime.max.replace(tzinfo=UTC), limit=1)
    execute("DELETE FROM storage_receipt WHERE entries = 1")

    checks = [(one.check, one.subject) for one in verify(wait=at_once)]

    assert ("receipt", f"batch {with_two.batch_id}") in checks
    assert {check for check, _ in checks} == {"receipt", "orphan", "usage", "rollup"}


def test_finding_that_is_gone_at_the_second_look_is_not_told(caller: Caller) -> None:
    """A drain is between the store and its receipt at the first look."""
    table.accept(caller, [part_of("one")])
    with receipts_refused(sqlstate="23514"):
        drain()
    retry_at_once()
    assert [one.check for one in verify(wait=at_once)] == ["orphan"]
    assert verify(wait=drain) == []
