"""Whose fault it is that batches are not stored: they are buried for theirs alone, and hold up nobody."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.test import Client

from accounts.caller import Caller
from foundation.postgres import current_day, execute, fetch_all
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import batch_ids, claims, dead_letters, failures, table
from ingest.spool.drain import TAKE_APART_AFTER, drain
from ingest.waits_for import WaitsFor
from operations.doctor import pipeline
from operations.doctor.finding import Severity
from operations.metrics import exposition
from operations.verification import verify
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from tests.integration.spool_rows import NOW, entries_refused, fill_spool, part_of, receipts_refused, retry_at_once
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True)

#: More failures than any batch survives that is to blame for them.
MANY = dead_letters.HOPELESS_AFTER + TAKE_APART_AFTER
FEW = 4
POISON = "NEW.message = 'poison'"


@pytest.fixture(autouse=True)
def _partitions_survive() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()
    partitions.make_ahead()


@contextmanager
def changed(statement: str, back: str) -> Iterator[None]:
    """Change the log store's tables for a while, as a migration of another version would."""
    execute(statement)
    try:
        yield
    finally:
        execute(back)


@contextmanager
def no_day_to_be_made() -> Iterator[None]:
    """Today's partition is gone, and whoever would make it is not let: a table that is no partition has its name."""
    name = partitions.table_name(current_day())
    execute(f"DROP TABLE {name}")
    execute(f"CREATE VIEW {name} AS SELECT 1 AS nothing")
    try:
        yield
    finally:
        execute(f"DROP VIEW {name}")


ENTRY = "ALTER TABLE storage_entry"
FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "corrupt page": partial(entries_refused, sqlstate="XX001"),
    "value that no column takes": partial(entries_refused, sqlstate="22003"),
    "permission denied": partial(entries_refused, sqlstate="42501"),
    "limit of a program": partial(entries_refused, sqlstate="54000"),
    "constraint at the end": partial(receipts_refused, sqlstate="23514"),
    "schema ahead: renamed": partial(
        changed, f"{ENTRY} RENAME COLUMN span_id TO gone", f"{ENTRY} RENAME COLUMN gone TO span_id"
    ),
    "schema ahead: a column we do not know": partial(
        changed, f"{ENTRY} ADD COLUMN region text NOT NULL", f"{ENTRY} DROP COLUMN region"
    ),
    "schema behind: no column for usage": partial(
        changed,
        "ALTER TABLE quotas_hourlyusage RENAME COLUMN bytes TO gone",
        "ALTER TABLE quotas_hourlyusage RENAME COLUMN gone TO bytes",
    ),
    "rows that vanish": partial(
        changed,
        "CREATE FUNCTION pg_temp.drop_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER drop_it BEFORE INSERT ON storage_entry FOR EACH ROW EXECUTE FUNCTION pg_temp.drop_it()",
        "DROP FUNCTION pg_temp.drop_it() CASCADE",
    ),
    "missing partition": no_day_to_be_made,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_no_batch_is_buried_for_a_fault_of_the_store(
    fault: Callable[[], AbstractContextManager[None]], make_caller: Callable[..., Caller], client: Client
) -> None:
    callers = [make_caller(), make_caller()]
    with fault():
        for n in range(MANY):
            table.accept(callers[n % 2], [part_of(f"{n}")])
            retry_at_once()
            assert drain() == 0
        assert failures.store_stands_still()
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["storing"]) == (503, "failed")
        assert SpooledBatch.objects.filter(attempts__gt=0).count() == 1  # the others go in groups, later
    assert not DeadLetter.objects.exists()

    retry_at_once()
    assert drain() == MANY

    assert not failures.store_stands_still()
    assert sorted(map(int, LogEntry.objects.values_list("message", flat=True))) == list(range(MANY))
    assert verify() == []


def test_standstill_is_told_wherever_operators_look(caller: Caller, admin_client: Client) -> None:
    table.accept(caller, [part_of("one")])
    with entries_refused():
        drain()
        metrics = exposition().decode().splitlines()
        findings = {one.subject: one.level for one in pipeline.examine()}
        page = admin_client.get("/admin/").content.decode()
        listed = admin_client.get("/admin/ingest/spooledbatch/").content.decode()
    assert "luminalog_store_stands_still 1.0" in metrics
    assert "luminalog_spool_failed_rows 1.0" in metrics
    assert findings["log store"] is Severity.ERROR
    assert "Nothing is stored" in page
    assert "the log store, which took nothing" in listed


def test_batches_of_workers_that_die_in_a_standstill_are_not_buried(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    with entries_refused():
        for _ in range(MANY):
            retry_at_once()
            assert claims.claim()
            make_claims_old()
            assert failures.release_dead() == 1
    assert SpooledBatch.objects.get().attempts == 1


def test_batch_that_kills_its_workers_is_buried_unread_while_others_are_stored(caller: Caller) -> None:
    table.accept(caller, [part_of("killer")])
    for n in range(MANY):
        retry_at_once()
        assert claims.claim()  # and dies
        table.accept(caller, [part_of(f"{n}")])
        assert drain() == 1
        make_claims_old()
        failures.release_dead()
        if dead_letters.bury_hopeless():
            break

    assert n >= dead_letters.HOPELESS_AFTER - 1
    assert DeadLetter.objects.get().reason == "its worker died"
    assert verify() == []


def make_claims_old() -> None:
    execute("UPDATE ingest_drainclaim SET claimed_at = now() - interval '1 minute'")


def test_poison_of_an_unknown_kind_is_buried_only_while_others_of_its_day_are_stored(caller: Caller) -> None:
    table.accept(caller, [part_of("good", "poison")])
    with entries_refused(when=POISON):
        for _ in range(MANY):
            retry_at_once()
            drain()
        waiting = SpooledBatch.objects.get()
        assert (waiting.attempts, waiting.waits_for) == (1, "")
        assert not failures.store_stands_still()  # a plain entry is taken

        for n in range(TAKE_APART_AFTER + 1):
            table.accept(caller, [part_of(f"{n}")])
            retry_at_once()
            drain()

    assert DeadLetter.objects.get().position == 1
    assert LogEntry.objects.filter(message="good").count() == 1
    assert verify() == []


def test_poison_of_an_unknown_kind_is_buried_in_the_end_if_nobody_else_comes(caller: Caller) -> None:
    table.accept(caller, [part_of("poison")])
    move_back(timedelta(days=1))  # its day is over
    with entries_refused(when=POISON):
        for _ in range(TAKE_APART_AFTER + 1):
            retry_at_once()
            drain()
    assert DeadLetter.objects.get().reason.startswith("InternalError")


def number_of_a_claim() -> int:
    claim = DrainClaim.objects.create(batch_ids=[])
    DrainClaim.objects.all().delete()
    return int(claim.pk)


def test_poison_in_a_large_group_has_few_tried_alone(caller: Caller) -> None:
    part, innocent = part_of("innocent"), 300
    fill_spool(caller.organisation_id, rows=innocent, payload=part.payload, payload_bytes=part.size_bytes)
    table.accept(caller, [part_of("poison")])
    first = number_of_a_claim()
    with entries_refused(when=POISON):
        assert drain() == innocent
    assert SpooledBatch.objects.get().attempts > 0
    groups = 1 + -(-innocent // claims.CAREFUL_BATCHES)
    assert number_of_a_claim() - first <= groups + claims.CAREFUL_BATCHES + FEW


def test_poison_waits_when_the_store_breaks_just_before_it_is_taken_apart(caller: Caller) -> None:
    table.accept(caller, [part_of("poison")])
    SpooledBatch.objects.update(attempts=TAKE_APART_AFTER)
    with entries_refused():
        retry_at_once()
        drain()
    assert not DeadLetter.objects.exists()
    retry_at_once()
    assert drain() == 1
    assert not DeadLetter.objects.exists()


def test_entry_that_the_store_takes_at_a_second_try_is_not_buried(caller: Caller) -> None:
    table.accept(caller, [part_of("good", "unlucky")])
    SpooledBatch.objects.update(attempts=TAKE_APART_AFTER)
    execute("CREATE TEMPORARY SEQUENCE tries")
    with entries_refused(when="NEW.message = 'unlucky' AND nextval('pg_temp.tries') <= 2"):  # its batch, and itself
        drain()
    execute("DROP SEQUENCE tries")
    assert not DeadLetter.objects.exists()
    assert LogEntry.objects.count() == 2


def test_store_that_refuses_one_organisation_holds_up_no_other_and_buries_nothing(
    make_caller: Callable[..., Caller],
) -> None:
    refused, served = make_caller(), make_caller()
    with entries_refused(when=f"NEW.organisation_id = {refused.organisation_id}"):
        for n in range(FEW):
            for _ in range(3):
                table.accept(refused, [part_of("refused")])
            table.accept(served, [part_of(f"{n}")])
            retry_at_once()
            drain()
            assert LogEntry.objects.filter(message=f"{n}").exists()  # in the same round
        assert not DeadLetter.objects.exists()
        assert not failures.store_stands_still()
        assert set(SpooledBatch.objects.values_list("waits_for", flat=True)) == {WaitsFor.PLACE}
    retry_at_once()
    drain()
    assert LogEntry.objects.filter(message="refused").count() == 3 * FEW


def test_store_that_refuses_one_day_holds_up_no_other_and_buries_nothing(caller: Caller) -> None:
    yesterday = current_day() - timedelta(days=1)
    for _ in range(3):
        table.accept(caller, [part_of("late")])
    move_back(timedelta(days=1))
    with entries_refused(when=f"(NEW.received_at AT TIME ZONE 'UTC')::date = '{yesterday}'"):
        for n in range(FEW):
            table.accept(caller, [part_of(f"{n}")])
            retry_at_once()
            drain()
            assert LogEntry.objects.filter(message=f"{n}").exists()
        assert not DeadLetter.objects.exists()
        assert not failures.store_stands_still()
    retry_at_once()
    drain()
    assert LogEntry.objects.filter(message="late").count() == 3


def test_what_fails_again_and_again_and_what_is_new_take_turns(make_caller: Callable[..., Caller]) -> None:
    """Else a thousand batches that are due would come before each new one."""
    refused, served = make_caller(), make_caller()
    fill_spool(refused.organisation_id, rows=1_000)
    SpooledBatch.objects.update(attempts=1, not_before=NOW)
    table.accept(served, [part_of("new")])
    new = SpooledBatch.objects.get(organisation_id=served.organisation_id).batch_id

    retried, group = claims.claim(new_first=False), claims.claim(new_first=True)

    assert retried
    assert retried.batch_ids != [new]
    assert group
    assert group.batch_ids == [new]


def test_batch_whose_id_was_given_out_before_is_stored_by_another(caller: Caller) -> None:
    table.accept(caller, [part_of("first")])
    drain()
    first = Receipt.objects.get().batch_id
    table.accept(caller, [part_of("second")])
    table.accept(caller, [part_of("third")])
    SpooledBatch.objects.filter(pk=SpooledBatch.objects.order_by("batch_id")[0].pk).update(batch_id=first)

    drain()

    assert sorted(LogEntry.objects.values_list("message", flat=True)) == ["first", "second", "third"]
    assert len(set(Receipt.objects.values_list("batch_id", flat=True))) == 3
    assert not SpooledBatch.objects.exists()
    assert verify() == []


def test_ids_go_on_beyond_all_that_were_used(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    drain()
    last = Receipt.objects.get().batch_id
    execute("SELECT setval('ingest_batch_id', 1)")
    assert batch_ids.take_unused() > last
    [(value,)] = fetch_all("SELECT last_value FROM ingest_batch_id")
    execute("SELECT setval('ingest_batch_id', %s)", [value])


def test_batch_that_is_stored_already_is_not_stored_by_another_id(caller: Caller) -> None:
    """The receipt is of the very same batch: it must never be there twice."""
    table.accept(caller, [part_of("one")])
    rows = fetch_all("SELECT batch_id, received_at FROM ingest_spooledbatch")
    drain()
    [(batch_id, received_at)] = rows
    table.accept(caller, [part_of("one")])
    SpooledBatch.objects.update(batch_id=batch_id, received_at=received_at)

    for _ in range(MANY):
        retry_at_once()
        drain()

    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("ahead", ["1 hour", "-1 hour"])
def test_claim_of_a_wrong_clock_is_released(ahead: str, caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    assert claims.claim()
    execute("UPDATE ingest_drainclaim SET claimed_at = now() + %s::interval", [ahead])
    assert failures.release_dead() == 1
    retry_at_once()
    assert drain() == 1


def test_batch_that_was_to_wait_for_a_moment_of_a_wrong_clock_is_tried(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    execute("UPDATE ingest_spooledbatch SET attempts = 1, not_before = now() + interval '1 hour'")
    assert drain() == 1


@pytest.mark.parametrize("attempts", [1, 4, 7, 30])
def test_no_batch_waits_for_longer_than_a_minute(attempts: int, caller: Caller) -> None:
    table.accept(caller, [part_of("poison")])
    SpooledBatch.objects.update(attempts=min(attempts, TAKE_APART_AFTER - 1))
    move_back(timedelta(hours=10))
    with entries_refused(when=POISON):
        retry_at_once()
        drain()
    [(seconds,)] = fetch_all("SELECT extract(epoch FROM not_before - now())::float FROM ingest_spooledbatch")
    assert seconds <= 60
