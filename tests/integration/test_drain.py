"""From the spool to the log store: exactly once, whatever breaks on the way."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.test import Client

from accounts.caller import Caller
from accounts.models import AccessRecord, Organisation
from foundation.postgres import execute
from foundation.refusals import Refusal
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import claims, dead_letters, failures, table
from ingest.spool.drain import TAKE_APART_AFTER, drain
from ingest.spool.payload import pack
from quotas.models import HourlyUsage, MonthlyUsage
from storage.entry import Entry
from storage.errors import Unavailable
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from tests.integration.spool_rows import NOW, part_of, receipts_refused, retry_at_once, spool_raw
from tests.patience import locks_in_time
from tests.processes import database_url
from tests.waiting import DEADLINE_SECONDS

LINE = msgspec.json.encode(Entry(timestamp=NOW, level="info", message="one more"))

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _partitions_survive() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


def stored_messages() -> list[str]:
    return list(LogEntry.objects.order_by("id").values_list("message", flat=True))


def test_accepted_batch_is_stored_once_with_receipt_and_usage(caller: Caller) -> None:
    part = part_of("one", "two")
    table.accept(caller, [part])

    assert drain() == 1
    assert drain() == 0

    entries = list(LogEntry.objects.order_by("id"))
    receipt = Receipt.objects.get()
    assert [entry.message for entry in entries] == ["one", "two"]
    assert [entry.id for entry in entries] == [receipt.batch_id * 1024, receipt.batch_id * 1024 + 1]
    assert {(entry.environment, entry.project, entry.metadata) for entry in entries} == {("production", "shop", None)}
    assert sum(entry.size_bytes for entry in entries) == part.size_bytes == receipt.size_bytes
    assert MonthlyUsage.objects.get().used_bytes == part.size_bytes
    usage = HourlyUsage.objects.get()
    assert (usage.outcome, usage.requests, usage.entries, usage.bytes) == ("accepted", 1, 2, part.size_bytes)
    assert not SpooledBatch.objects.exists()
    assert not DrainClaim.objects.exists()


def test_every_field_arrives_as_it_was_sent(caller: Caller) -> None:
    line = msgspec.json.encode(
        {
            "timestamp": "2026-01-26T14:30:05.123456Z",
            "level": "panic",
            "message": "späte Grüße 🎉\\n",
            "environment": "staging",
            "project_id": "billing",
            "trace_id": "t",
            "span_id": "s",
            "parent_span_id": "p",
            "privacy_mode": True,
            "metadata": {"amount": 99.99, "nested": {"list": [1, None]}, "big": 2**70},
            "error": {"type": "PaymentError", "stack_trace": ["a", "b"]},
        }
    )
    spool_raw(caller, line)

    drain()

    entry = LogEntry.objects.get()
    assert entry.timestamp == datetime(2026, 1, 26, 14, 30, 5, 123456, tzinfo=UTC)
    assert (entry.level, entry.environment, entry.project) == (60, "staging", "billing")
    assert (entry.trace_id, entry.span_id, entry.parent_span_id, entry.privacy_mode) == ("t", "s", "p", True)
    assert entry.message == "späte Grüße 🎉\\n"
    assert entry.metadata == {"amount": 99.99, "nested": {"list": [1, None]}, "big": 2**70}
    assert entry.error == {"type": "PaymentError", "stack_trace": ["a", "b"]}


def test_spent_quota_refuses_and_keeps_nothing(make_caller: Callable[..., Caller]) -> None:
    part = part_of("exactly")
    caller = make_caller(monthly_bytes=part.size_bytes)
    table.accept(caller, [part])

    with pytest.raises(Refusal, match="quota_exhausted"):
        table.accept(caller, [part])

    assert SpooledBatch.objects.count() == 1
    assert MonthlyUsage.objects.get().used_bytes == part.size_bytes


def test_request_of_many_parts_is_kept_whole_or_not_at_all(make_caller: Callable[..., Caller]) -> None:
    parts = [part_of("first"), part_of("second")]
    total = sum(part.size_bytes for part in parts)

    with pytest.raises(Refusal):
        table.accept(make_caller(monthly_bytes=total - 1), parts)
    assert not SpooledBatch.objects.exists()

    table.accept(make_caller(monthly_bytes=total), parts)
    drain()
    assert sorted(stored_messages()) == ["first", "second"]
    assert HourlyUsage.objects.get().requests == 1


def test_eight_drains_at_once_store_each_batch_once(make_caller: Callable[..., Caller]) -> None:
    callers = [make_caller() for _ in range(4)]
    for n in range(400):
        table.accept(callers[n % 4], [part_of(f"{n}")])

    def run() -> None:
        drain()
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()

    assert sorted(map(int, stored_messages())) == list(range(400))
    assert Receipt.objects.count() == 400


def test_nobodys_backlog_delays_another(make_caller: Callable[..., Caller]) -> None:
    busy, quiet = make_caller(), make_caller()
    for n in range(2 * claims.GROUP_BATCHES):
        table.accept(busy, [part_of(f"{n}")])
    table.accept(quiet, [part_of("quiet")])

    first = claims.claim()

    assert first is not None
    quiet_batch = SpooledBatch.objects.get(organisation_id=quiet.organisation_id).batch_id
    assert quiet_batch in first.batch_ids
    assert len(first.batch_ids) == claims.GROUP_BATCHES


def test_batches_of_a_killed_drain_are_retried_alone(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    table.accept(caller, [part_of("two")])
    left_behind = claims.claim()
    assert left_behind is not None
    assert drain() == 0  # not yet known to be dead

    DrainClaim.objects.update(claimed_at=NOW)
    assert failures.release_dead() == 1
    assert set(SpooledBatch.objects.values_list("attempts", flat=True)) == {1}

    assert drain() == 2
    assert stored_messages() == ["one", "two"]


def test_batches_that_wait_for_a_locked_table_are_none_the_worse(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    with psycopg.connect(database_url()) as migration:
        migration.execute("LOCK TABLE storage_entry")
        with locks_in_time(), pytest.raises(Unavailable):
            drain()

    assert not DrainClaim.objects.exists()
    assert list(SpooledBatch.objects.values_list("attempts", flat=True)) == [0]
    assert drain() == 1


def test_claim_of_a_live_drain_is_not_released(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    claim = claims.claim()
    assert claim is not None
    DrainClaim.objects.update(claimed_at=NOW)
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            claims.hold(claim)
            locked.set()
            release.wait(DEADLINE_SECONDS)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(DEADLINE_SECONDS)
    released = failures.release_dead()
    release.set()
    holder.join()

    assert released == 0


@pytest.fixture
def one_more_each_time() -> Iterator[None]:
    """Whenever a batch is stored, another comes: the steady stream of a busy installation."""
    execute(
        "CREATE FUNCTION pg_temp.come() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" INSERT INTO ingest_spooledbatch ({table.COLUMNS}) SELECT nextval('ingest_batch_id'), NEW.organisation_id,"
        f" NEW.api_key_id, 'shop', 'production', NEW.period, 1, 1, {len(LINE)}, '\\x{pack(LINE).hex()}', NULL;"
        " RETURN NEW; END $$"
    )
    execute("CREATE TRIGGER come AFTER INSERT ON storage_receipt FOR EACH ROW EXECUTE FUNCTION pg_temp.come()")
    yield
    execute("DROP TRIGGER come ON storage_receipt")


@pytest.mark.usefixtures("one_more_each_time")
def test_what_comes_while_a_drain_works_is_left_to_the_next(caller: Caller) -> None:
    for n in range(3):
        table.accept(caller, [part_of(f"{n}")])
    assert drain() == 3
    assert SpooledBatch.objects.count() == 3


def test_group_costs_the_same_statements_whatever_its_size(caller: Caller) -> None:
    def statements_of(batches: int) -> int:
        for n in range(batches):
            table.accept(caller, [part_of(f"{n}")])
        with tempfile.TemporaryFile("w+") as trace:
            connection.connection.pgconn.trace(trace.fileno())
            assert drain() == batches
            connection.connection.pgconn.untrace()
            trace.seek(0)
            return len(re.findall(r"^\S+ \S+\tF\t\d+\t(?:Query|Execute)", trace.read(), re.MULTILINE))

    statements_of(1)  # the claim's statements are prepared
    assert statements_of(1) == statements_of(50) == 20


def test_poison_is_taken_apart_and_good_entries_are_stored(caller: Caller) -> None:
    good = msgspec.json.encode(Entry(timestamp=NOW, level="info", message="good"))
    nul = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"bad \\u0000"}'
    spool_raw(caller, good, nul, good)
    table.accept(caller, [part_of("innocent")])
    used = MonthlyUsage.objects.get().used_bytes

    drain()
    assert stored_messages() == ["innocent"]  # the group failed; its members were tried alone
    for _ in range(TAKE_APART_AFTER):
        retry_at_once()
        drain()

    dead = DeadLetter.objects.get()
    assert sorted(stored_messages()) == ["good", "good", "innocent"]
    assert (dead.position, dead.size_bytes, dead.entries) == (1, len(nul), 1)
    assert "good" not in dead.reason
    assert "bad" not in dead.reason
    stored = sum(LogEntry.objects.values_list("size_bytes", flat=True))
    assert stored + dead.size_bytes == used == sum(Receipt.objects.values_list("size_bytes", flat=True)) + len(nul)
    assert not SpooledBatch.objects.exists()


def test_damaged_payload_becomes_a_dead_letter_with_its_bytes(caller: Caller) -> None:
    part = part_of("one")
    damaged = part.payload[:-1] + bytes([part.payload[-1] ^ 1])
    table.accept(caller, [table.Part(payload=damaged, entries=part.entries, size_bytes=part.size_bytes)])

    for _ in range(TAKE_APART_AFTER + 1):
        drain()
        retry_at_once()

    dead = DeadLetter.objects.get()
    assert bytes(dead.payload) == damaged
    assert (dead.position, dead.entries, dead.size_bytes) == (None, 1, part.size_bytes)


def test_batch_that_kills_even_its_undertaker_is_buried_unread(caller: Caller) -> None:
    table.accept(caller, [part_of("killer")])
    SpooledBatch.objects.update(attempts=dead_letters.HOPELESS_AFTER)

    drain()

    assert DeadLetter.objects.get().entries == 1
    assert not SpooledBatch.objects.exists()


def test_replayed_dead_letter_is_stored_and_not_charged_again(caller: Caller) -> None:
    table.accept(caller, [part_of("killer")])
    used = MonthlyUsage.objects.get().used_bytes
    SpooledBatch.objects.update(attempts=dead_letters.HOPELESS_AFTER)
    drain()

    assert dead_letters.replay([DeadLetter.objects.get().pk]) == 1
    drain()

    assert stored_messages() == ["killer"]
    assert not DeadLetter.objects.exists()
    assert MonthlyUsage.objects.get().used_bytes == used


def test_drain_undoes_everything_when_its_commit_fails(caller: Caller) -> None:
    table.accept(caller, [part_of("one")])
    with receipts_refused(sqlstate="23514"):
        assert drain() == 0
        assert not LogEntry.objects.exists()
        assert SpooledBatch.objects.get().attempts >= 1
    retry_at_once()
    assert drain() == 1
    assert stored_messages() == ["one"]


def test_full_disk_is_not_held_against_the_batches(caller: Caller) -> None:
    for n in range(3):
        table.accept(caller, [part_of(f"{n}")])
    with receipts_refused(sqlstate="53100"):
        for _ in range(dead_letters.HOPELESS_AFTER + 1):
            with pytest.raises(OperationalError):
                drain()
        assert set(SpooledBatch.objects.values_list("attempts", flat=True)) == {0}
        assert not DrainClaim.objects.exists()

    assert drain() == 3
    assert not DeadLetter.objects.exists()


def test_command_lists_exports_and_replays_dead_letters(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    table.accept(caller, [part_of("killer")])
    SpooledBatch.objects.update(attempts=dead_letters.HOPELESS_AFTER, last_error="its worker died")
    drain()

    call_command("dead_letters")
    call_command("dead_letters", export=True)
    call_command("dead_letters", replay=[])
    drain()

    shown = capsys.readouterr().out
    assert "reason=its worker died" in shown
    assert '"message":"killer"' in shown
    assert stored_messages() == ["killer"]
    [look] = AccessRecord.objects.all()
    assert (look.action, look.organisation_id, look.user_id) == ("export", caller.organisation_id, 0)
    assert look.username.endswith(" (at the server)")


def test_admin_shows_the_content_of_a_dead_letter_and_replays_it(caller: Caller, admin_client: Client) -> None:
    table.accept(caller, [part_of("<b>killer</b>")])
    SpooledBatch.objects.update(attempts=dead_letters.HOPELESS_AFTER)
    drain()
    letter = DeadLetter.objects.get()

    page = admin_client.get(f"/admin/ingest/deadletter/{letter.pk}/change/").content.decode()
    answer: Any = admin_client.post("/admin/ingest/deadletter/", {"action": "export", "_selected_action": [letter.pk]})
    exported = answer.getvalue().decode()
    admin_client.post("/admin/ingest/deadletter/", {"action": "replay", "_selected_action": [letter.pk]})

    opened, handed_out = AccessRecord.objects.order_by("pk")
    whose = Organisation.objects.get(pk=caller.organisation_id)
    assert (opened.action, handed_out.action) == ("dead_letter", "export")
    for look in (opened, handed_out):
        assert (look.username, look.organisation_id, look.organisation) == ("admin", whose.pk, whose.slug)
        assert (look.subject, look.address) == (f"dead letters {letter.pk}", "127.0.0.1")
    assert "&lt;b&gt;killer&lt;/b&gt;" in page
    assert msgspec.json.decode(exported)["message"] == "<b>killer</b>"
    assert SpooledBatch.objects.get().batch_id != letter.batch_id
