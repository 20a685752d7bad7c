"""`verify_ledger` says clean when it is, and finds what a hand has corrupted."""

import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F, Sum

from accounts.caller import Caller
from foundation.postgres import ROWS_AT_ONCE, current_day, execute, fetch_all, stream
from foundation.refusals import Refusal
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import dead_letters, table
from ingest.spool.drain import drain
from operations.breaches.breach import Breach
from operations.verification import verify
from quotas import ledger
from quotas.models import DailyUsage, HourlyUsage, MonthlyUsage, Quota
from storage import retention
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from tests.integration.spool_rows import part_of
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _partitions_survive() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


def is_accepted(caller: Caller, part: table.Part) -> bool:
    """Send a batch; anything but acceptance or a spent quota is raised."""
    try:
        table.accept(caller, [part])
    except Refusal as error:
        if error.code != "quota_exhausted":
            raise
        return False
    return True


def found() -> list[str]:
    return [finding.check for finding in verify()]


@pytest.fixture
def stored(caller: Caller) -> Caller:
    """A caller with two batches stored and one in the spool."""
    table.accept(caller, [part_of("one", "two")])
    table.accept(caller, [part_of("three")])
    drain()
    table.accept(caller, [part_of("four")])
    assert verify() == []
    return caller


def test_a_random_run_adds_up_everywhere(make_caller: Callable[..., Caller]) -> None:
    dice = random.Random(11)
    callers = [make_caller(monthly_bytes=20_000) for _ in range(3)]
    charged: dict[int, int] = dict.fromkeys((caller.organisation_id for caller in callers), 0)
    refused = 0
    for _ in range(150):
        caller = dice.choice(callers)
        part = part_of(*("x" * dice.randrange(200) for _ in range(dice.randint(1, 5))))
        if is_accepted(caller, part):
            charged[caller.organisation_id] += part.size_bytes
        else:
            refused += 1
        if dice.random() < 0.2:
            assert verify() == []
            drain()
    drain()

    assert refused > 10
    assert verify() == []
    for model, field in [
        (MonthlyUsage, "used_bytes"),
        (Receipt, "size_bytes"),
        (LogEntry, "size_bytes"),
        (HourlyUsage, "bytes"),
    ]:
        sums = model._default_manager.order_by().values_list("organisation_id").annotate(total=Sum(field))
        assert dict(sums) == charged


@pytest.mark.parametrize(
    ("corruption", "check"),
    [
        ("DELETE FROM storage_entry WHERE id = (SELECT min(id) FROM storage_entry)", "receipt"),
        ("UPDATE storage_entry SET size_bytes = size_bytes + 1", "receipt"),
        ("UPDATE quotas_monthlyusage SET used_bytes = used_bytes - 1", "usage"),
        ("UPDATE quotas_monthlyusage SET entries = entries + 1", "usage"),
        ("DELETE FROM quotas_monthlyusage", "usage"),
        ("DELETE FROM ingest_spooledbatch", "usage"),
        ("DELETE FROM storage_receipt WHERE batch_id = (SELECT min(batch_id) FROM storage_receipt)", "orphan"),
        ("UPDATE storage_entry SET organisation_id = organisation_id + 1", "orphan"),
        (
            "INSERT INTO storage_entry (id, organisation_id, received_at, timestamp, level, environment, project,"
            " message, size_bytes) SELECT id, organisation_id, received_at + interval '1 day', timestamp, level,"
            " environment, project, message, size_bytes FROM storage_entry LIMIT 1",
            "duplicate",
        ),
        (
            "UPDATE storage_receipt SET batch_id = (SELECT batch_id FROM ingest_spooledbatch) WHERE entries = 1",
            "two_places",
        ),
    ],
)
def test_a_corruption_made_by_hand_is_found(stored: Caller, corruption: str, check: str) -> None:
    assert execute(corruption) >= 1
    assert check in found()


def test_the_command_names_three_corruptions_and_ends_with_1(stored: Caller) -> None:
    MonthlyUsage.objects.update(used_bytes=F("used_bytes") + 5)
    first = LogEntry.objects.earliest("id").id
    LogEntry.objects.filter(id=first).delete()
    Receipt.objects.filter(entries=1).delete()
    output = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_ledger", stdout=output)

    text = output.getvalue()
    assert ended.value.code == 1
    assert f"organisation {stored.organisation_id}, batch {(first or 0) // 1024}: expected 2 entries" in text
    assert "bytes charged, found" in text
    assert "1 entries without one" in text


def test_the_command_speaks_json_and_ends_with_0_when_clean(stored: Caller) -> None:
    output = StringIO()
    call_command("verify_ledger", "--json", stdout=output)
    assert json.loads(output.getvalue()) == {"clean": True, "findings": []}


def test_findings_in_json_name_organisation_and_subject(stored: Caller) -> None:
    SpooledBatch.objects.all().delete()
    output = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_ledger", "--json", stdout=output)
    (finding,) = [Breach(**one) for one in json.loads(output.getvalue())["findings"]]
    assert (finding.check, finding.organisation_id) == ("usage", stored.organisation_id)


#: All that says when a batch was received.
RECEIVED = [
    ("storage_entry", "received_at"), ("storage_receipt", "received_at"), ("storage_minute", "minute"),
    ("storage_event_minute", "day"), ("storage_rollup_day", "day"),
]  # fmt: skip


def test_what_retention_deleted_is_not_missed_even_when_the_plan_grows(stored: Caller) -> None:
    drain()
    day_before = current_day() - timedelta(days=4)
    partitions.make({day_before})
    for name, column in RECEIVED:
        execute(f"UPDATE {name} SET {column} = {column} - interval '4 days'")
    assert verify() == []
    quota = Quota.objects.filter(organisation_id=stored.organisation_id)
    quota.update(retention_days=2)
    assert retention.delete_expired()[0].entries == 4
    assert verify() == []
    quota.update(retention_days=90)
    assert verify() == []
    execute("UPDATE storage_receipt SET received_at = now()")
    assert found()[:3] == ["receipt"] * 3


def test_month_that_was_opened_and_charged_nothing_is_no_finding(caller: Caller) -> None:
    MonthlyUsage.objects.create(organisation_id=caller.organisation_id, period=date(2026, 1, 1))
    assert verify() == []


def test_copy_on_the_same_day_is_a_duplicate_too(stored: Caller) -> None:
    execute(
        "INSERT INTO storage_entry (id, organisation_id, received_at, timestamp, level, environment, project,"
        " message, size_bytes) SELECT id, organisation_id, received_at + interval '1 microsecond', timestamp, level,"
        " environment, project, message, size_bytes FROM storage_entry ORDER BY id LIMIT 1"
    )
    assert found() == ["duplicate"]


def test_of_a_stream_a_thousand_rows_are_fetched_at_once() -> None:
    with transaction.atomic():
        execute("CREATE TEMPORARY SEQUENCE produced")
        rows = stream("SELECT nextval('produced') FROM generate_series(1, 100000)")
        assert next(rows) == (1,)
        assert fetch_all("SELECT last_value FROM produced") == [(ROWS_AT_ONCE,)]
        transaction.set_rollback(True)


#: Batches of one entry each, stored as a drain stores them: entries and receipts of one moment.
FILL_ENTRIES = """
INSERT INTO storage_entry (id, organisation_id, received_at, timestamp, level, environment, project, message,
                              size_bytes)
SELECT n * 1024, %(organisation_id)s, now(), now(), 20, 'production', 'shop', 'hello', 10
  FROM generate_series(%(first)s, %(last)s) AS n
"""
FILL_RECEIPTS = """
INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, entries, size_bytes,
                             errors)
SELECT n, %(organisation_id)s, 0, date_trunc('month', now() AT TIME ZONE 'UTC')::date, now(), 1, 10, 0
  FROM generate_series(%(first)s, %(last)s) AS n
"""


def fill(caller: Caller, *, first: int, last: int) -> None:
    parameters = {"organisation_id": caller.organisation_id, "first": first, "last": last}
    with transaction.atomic():
        execute(FILL_ENTRIES, parameters)
        execute(FILL_RECEIPTS, parameters)
        ledger.open_month(caller.organisation_id)
        MonthlyUsage.objects.update(entries=last, used_bytes=10 * last)


def peak_bytes() -> int:
    """Return how much Python held at once while everything was verified and nothing found."""
    tracemalloc.start()
    try:
        assert verify() == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_what_is_stored(caller: Caller) -> None:
    fill(caller, first=1, last=3 * ROWS_AT_ONCE)
    peak_bytes()  # what is imported and cached once
    few = peak_bytes()
    fill(caller, first=3 * ROWS_AT_ONCE + 1, last=12 * ROWS_AT_ONCE)
    assert peak_bytes() < 1.5 * few


def test_fifty_at_once_at_the_quotas_edge_are_exactly_ten(make_caller: Callable[..., Caller]) -> None:
    part = part_of("x" * 100)

    together = Barrier(50)

    def send(caller: Caller) -> bool:
        together.wait(30)
        return is_accepted(caller, part)

    def hang_up(_: int) -> None:
        together.wait(30)  # one in each thread
        connection.close()

    with ThreadPoolExecutor(50) as threads:
        try:
            for _ in range(100):
                caller = make_caller(monthly_bytes=10 * part.size_bytes)
                assert sum(threads.map(send, [caller] * 50)) == 10
                used = MonthlyUsage.objects.get(organisation_id=caller.organisation_id).used_bytes
                assert used == 10 * part.size_bytes
        finally:
            list(threads.map(hang_up, range(50)))
    assert verify() == []


@pytest.fixture
def clock() -> Iterator[Callable[[str], int]]:
    """Put a `now()` of ours before PostgreSQL's; the function sets what it says."""
    execute("CREATE SCHEMA fake")
    execute("CREATE TABLE fake.clock AS SELECT pg_catalog.now() AS at")
    execute("CREATE FUNCTION fake.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM fake.clock'")
    execute("SET search_path = fake, public, pg_catalog")
    yield lambda at: execute("UPDATE fake.clock SET at = %s", [at])
    execute("RESET search_path")
    execute("DROP SCHEMA fake CASCADE")


def test_at_a_months_change_each_batch_is_counted_in_exactly_one(caller: Caller, clock: Callable[[str], int]) -> None:
    part = part_of("happy new year")
    for moment in ("2026-12-31 23:59:58Z", "2026-12-31 23:59:59.999999Z", "2027-01-01 00:00:00Z"):
        clock(moment)
        table.accept(caller, [part])
        table.accept(caller, [part, part])

    charged = dict(MonthlyUsage.objects.values_list("period", "used_bytes"))
    spooled = SpooledBatch.objects.order_by().values_list("period").annotate(total=Sum("size_bytes"))
    december, january = date(2026, 12, 1), date(2027, 1, 1)
    assert charged == {december: 6 * part.size_bytes, january: 3 * part.size_bytes}
    assert dict(spooled) == charged
    assert verify() == []


@pytest.fixture
def public() -> Caller:
    """A caller with a public key, of which two batches are stored and one waits."""
    api_key, _ = make_api_key(make_organisation("pages", plan=make_plan()), kind="public", scopes=["ingest"])
    caller = caller_of(api_key)
    table.accept(caller, [part_of("one"), part_of("two")])
    drain()
    table.accept(caller, [part_of("three")])
    assert verify() == []
    return caller


@pytest.mark.parametrize("change", ["+ 1", "- 1", "* 0"])
def test_day_of_a_public_key_is_what_is_kept_of_it(public: Caller, change: str) -> None:
    assert execute(f"UPDATE quotas_dailyusage SET used_bytes = used_bytes {change}") == 1
    [breach] = verify()
    assert (breach.check, breach.organisation_id) == ("allowance", public.organisation_id)
    assert f"key {public.api_key_id} on " in breach.subject


def test_batch_of_before_midnight_may_be_charged_to_the_day_that_begins(public: Caller) -> None:
    execute("UPDATE ingest_spooledbatch SET received_at = date_trunc('day', now(), 'UTC') - interval '1 second'")
    assert verify() == []
    move_back(timedelta(minutes=2))
    assert found() == ["allowance"]


def test_day_on_which_dead_letters_are_replayed_proves_nothing_and_the_next_does(public: Caller) -> None:
    [spooled] = SpooledBatch.objects.all()
    kept = ("organisation_id", "api_key_id", "project", "environment", "period", "entries", "size_bytes", "payload")
    letter = DeadLetter.objects.create(
        batch_id=spooled.batch_id,
        received_at=spooled.received_at - timedelta(days=1),
        reason="x",
        **{name: getattr(spooled, name) for name in kept},
    )
    spooled.delete()
    DailyUsage.objects.update(used_bytes=F("used_bytes") - letter.size_bytes)  # it was charged yesterday
    assert verify() == []
    assert dead_letters.replay([letter.pk]) == 1
    assert verify() == []
    table.accept(public, [part_of("four")])
    assert not DailyUsage.objects.get().is_provable
    execute("UPDATE quotas_dailyusage SET day = day - 1")
    table.accept(public, [part_of("five")])
    assert DailyUsage.objects.get().is_provable
