"""Exactly once in ClickHouse, which does not join the transaction: whatever dies, is repeated or goes missing."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from prometheus_client import REGISTRY

from accounts.caller import Caller
from explore.query import parse
from foundation import faults
from foundation.faults import InjectedError
from foundation.postgres import execute, fetch_all
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import claims, relay, table
from ingest.spool.dead_letters import HOPELESS_AFTER
from ingest.spool.drain import drain
from ingest.spool.pace import Pace
from issues.erasing import take_back
from operations.verification import verify
from storage import erasing
from storage import store as door
from storage.clickhouse import keeper as keeping
from storage.clickhouse.eraser import Eraser
from storage.clickhouse.keeper import SETTINGS, Keeper
from storage.clickhouse.server import Server
from storage.errors import Unavailable
from storage.models import FieldSample, Leaving, Receipt
from storage.store import Store
from storage.tasks import retention
from tests.clickhouse.server import ForTests, running
from tests.contract.batches import arrival_of, batch_of, whole
from tests.contract.test_drain import at_once
from tests.errors import failure, send
from tests.integration.spool_rows import part_of, receipts_refused, retry_at_once, spool_raw
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

#: What is there, copies and all, and how many of them are different entries.
STORED = "SELECT count(), uniqExact(id) FROM entry"
#: A part that TRUNCATE has emptied is active until it is cleaned up.
PARTS = "SELECT count() FROM system.parts WHERE active AND rows > 0 AND table = 'entry'"
QUERIES = """
SELECT query_id, Settings FROM system.query_log
 WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND startsWith(query_id, {token:String})
"""
#: So many that one of them is looked at for its fields.
FIELDS = [{"message": "four", "metadata": {"user_id": 7}}] * 64
#: The log leaves out what a server does anyway.
DEFAULTS = "SELECT name, default FROM system.settings"


@pytest.fixture(autouse=True)
def _nobody_waits(in_clickhouse: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Small claims wait for no more, and nothing is claimed behind a test."""
    monkeypatch.setattr(Keeper, "fill_seconds", 0.0)
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    yield
    DrainClaim.objects.all().delete()


def stored(clickhouse: ForTests) -> tuple[int, int]:
    [found] = clickhouse.as_writer.rows(STORED)
    return found[0], found[1]


def arm(monkeypatch: pytest.MonkeyPatch, rules: str) -> None:
    monkeypatch.setattr(faults, "_rules", faults.read_rules(rules))


def is_well() -> bool:
    return verify(wait=at_once) == []


def accept(caller: Caller, *batches: int) -> int:
    """Accept batches of so many entries; return how many entries that are."""
    for number, entries in enumerate(batches):
        table.accept(caller, [part_of(*(f"{number}-{n}" for n in range(entries)))])
    return sum(batches)


def test_claim_is_one_insert_with_all_its_settings_and_the_claim_s_token(caller: Caller, clickhouse: ForTests) -> None:
    accept(caller, 3, 4)
    move_back(timedelta(days=1), where="entries = 4")
    tokens: list[str] = []
    with receipts_refused(sqlstate="23514"):
        drain()
        tokens += [str(token) for token in DrainClaim.objects.values_list("token", flat=True)]
    retry_at_once()
    assert drain() == 2
    clickhouse.as_writer.run("SYSTEM FLUSH LOGS")
    [(query_id, logged)] = clickhouse.as_writer.rows(QUERIES, {"token": tokens[0]})
    sent = dict(clickhouse.as_writer.rows(DEFAULTS)) | logged
    assert {name: sent.get(name) for name in SETTINGS} == {name: str(value) for name, value in SETTINGS.items()}
    assert sent["insert_deduplication_token"] == tokens[0] == query_id.removesuffix("-1")
    assert clickhouse.as_writer.rows(PARTS) == [(2,)]  # a block for each day
    assert stored(clickhouse) == (7, 7)
    assert is_well()


@pytest.mark.parametrize(
    ("point", "deaths"),
    [("before_store_write", 2), ("after_store_write", 1), ("after_verify", 2), ("before_drain_commit", 2)],
)
def test_worker_that_dies_leaves_a_claim_that_is_stored_once(
    caller: Caller, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch, point: str, deaths: int
) -> None:
    send(caller, failure(message="one"), {"message": "two"}, failure(message="three"), *FIELDS)
    arm(monkeypatch, f"{point}=bug")
    for _ in range(deaths):
        with pytest.raises(InjectedError):
            drain()
        retry_at_once()
    [before] = DrainClaim.objects.values()
    assert (before["attempts"], SpooledBatch.objects.count(), Receipt.objects.count()) == (deaths, 1, 0)
    arm(monkeypatch, "")

    assert drain() == 1

    assert stored(clickhouse) == (67, 67)
    assert not DrainClaim.objects.exists()
    assert Receipt.objects.get().errors == 2
    assert FieldSample.objects.count() == 1
    assert is_well()


def test_six_at_once_with_one_token_store_once_and_without_do_not(
    in_clickhouse: Store, clickhouse: ForTests, organisation_id: int
) -> None:
    keeper = in_clickhouse.keeper
    assert keeper
    batches = [batch_of(*({"message": f"{n}"} for n in range(500)), organisation_id=organisation_id)]
    deadline = keeper.deadline()

    def write_all(tokens: list[str]) -> None:
        with ThreadPoolExecutor(6) as pool:
            for number, token in enumerate(tokens):
                pool.submit(keeper.write, batches, token=token, attempt=number, deadline=deadline)

    clickhouse.as_writer.run("SYSTEM STOP MERGES entry")  # they would remove copies
    write_all(["one"] * 6)
    assert stored(clickhouse) == (500, 500)
    assert in_histogram(in_clickhouse, organisation_id) == 500
    write_all([f"other-{n}" for n in range(2)])
    assert stored(clickhouse) == (1_500, 500)  # so the token it was
    assert in_histogram(in_clickhouse, organisation_id) == 1_500  # until a merge: copies are kept out, not counted out
    assert keeper.presence(batches)[batches[0].batch_id].copies == 1_000
    assert len(in_clickhouse.reader.batch(arrival_of(batches[0]))) == 500
    clickhouse.as_writer.run("SYSTEM START MERGES entry")


def in_histogram(store: Store, organisation_id: int) -> int:
    return sum(one.count for one in store.reader.level_counts(whole(organisation_id), step=timedelta(days=1)))


def test_what_a_store_loses_is_missed_before_the_spool_forgets(
    caller: Caller, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server drops the second try as a duplicate of nothing: real ones have done so."""
    entries = accept(caller, 5)
    monkeypatch.setattr(keeping, "CLOCKS_APART_SECONDS", -keeping.DEADLINE_SECONDS - 1)
    send_insert = Server.insert

    def lose(server: Any, sql: str, body: bytes, parameters: Any, *, settings: Any, seconds: float) -> None:
        send_insert(server, sql, body, parameters, settings=settings, seconds=30)
        if not lost.is_set():
            clickhouse.as_writer.run("DELETE FROM entry WHERE true", settings={"lightweight_deletes_sync": 2})
            lost.set()

    lost = threading.Event()
    monkeypatch.setattr(Server, "insert", lose)
    for _ in range(relay.MOST_ATTEMPTS):
        assert drain() == 0
        assert SpooledBatch.objects.count() == 1
        retry_at_once()
    assert stored(clickhouse) == (0, 0)  # by its token it can never come

    assert drain() == 0  # fenced
    retry_at_once()
    assert drain() == 1  # by a new token

    assert stored(clickhouse) == (entries, entries)
    assert is_well()


def test_claim_that_failed_too_often_is_settled_by_what_is_there(
    caller: Caller, in_clickhouse: Store, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is there whole, of one a part, of one nothing."""
    accept(caller, 3, 4, 5)
    arm(monkeypatch, "before_store_write=bug")
    with pytest.raises(InjectedError):
        drain()
    arm(monkeypatch, "")
    first, second, _ = [row.batch() for row in table.read(sorted(SpooledBatch.objects.values_list("pk", flat=True)))]
    keeper = in_clickhouse.keeper
    assert keeper
    keeper.write([first, second.only([0, 2])], token="of before", attempt=1, deadline=keeper.deadline())
    DrainClaim.objects.update(attempts=relay.MOST_ATTEMPTS)
    retry_at_once()

    assert drain() == 0  # what was begun may still come
    assert SpooledBatch.objects.count() == 3
    retry_at_once()
    execute("UPDATE ingest_drainclaim SET deadline = 1")

    assert drain() == 3
    assert [receipt.entries for receipt in Receipt.objects.order_by("batch_id")] == [3, 4, 5]
    assert stored(clickhouse) == (12, 12)
    assert is_well()


def test_claims_that_wait_keep_new_ones_from_being_made(
    caller: Caller, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL certifies nothing for a while: what comes meanwhile stays in the spool, and is stored in groups."""
    monkeypatch.setattr(relay, "MOST_FAILING", 3)
    with receipts_refused(sqlstate="23514"):
        for _ in range(5):
            accept(caller, 1, 1)
            drain()
        assert DrainClaim.objects.count() == 3
        assert SpooledBatch.objects.count() == 10
    retry_at_once()

    assert drain() == 10

    assert stored(clickhouse) == (10, 10)
    assert is_well()


def test_nothing_is_stored_after_its_deadline(
    in_clickhouse: Store, clickhouse: ForTests, organisation_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CLOCKS_APART_SECONDS", 600)
    keeper = in_clickhouse.keeper
    assert keeper
    now = keeper.deadline() - keeping.DEADLINE_SECONDS
    with pytest.raises(Unavailable) as refused:
        keeper.write([batch_of({}, organisation_id=organisation_id)], token="late", attempt=1, deadline=now - 1)
    assert refused.value.clears_batches
    assert stored(clickhouse) == (0, 0)
    with pytest.raises(Unavailable):
        keeper.fence("late", deadline=now)
    keeper.fence("late", deadline=now - keeping.CLOCKS_APART_SECONDS - keeping.DEADLINE_SECONDS)


def test_batches_that_were_stored_before_a_restore_are_not_stored_again(
    caller: Caller, in_clickhouse: Store, clickhouse: ForTests
) -> None:
    """The spool is older than the store: one of two batches is there, by a token that nobody knows."""
    accept(caller, 3, 4)
    [first, _] = [row.batch() for row in table.read(sorted(SpooledBatch.objects.values_list("pk", flat=True)))]
    in_clickhouse.writer.write([first])
    assert drain() == 2
    assert stored(clickhouse) == (7, 7)
    assert is_well()


def test_batch_whose_id_is_taken_gets_another_after_one_attempt(caller: Caller, clickhouse: ForTests) -> None:
    """As after a restore that gives ids out again."""
    accept(caller, 2)
    assert drain() == 1
    accept(caller, 3)
    execute("UPDATE ingest_spooledbatch SET batch_id = (SELECT batch_id FROM storage_receipt)")
    assert drain() == 1
    assert stored(clickhouse) == (5, 5)
    assert is_well()


def test_batches_of_a_claim_whose_ids_are_taken_fail_together_and_once(caller: Caller, clickhouse: ForTests) -> None:
    """Each alone would be written, and taken back by a mutation, before it gets another id."""
    accept(caller, 1, 2)
    assert drain() == 2
    taken = sorted(Receipt.objects.values_list("batch_id", flat=True))
    accept(caller, 3, 4, 5)
    for entries, batch_id in zip((3, 4), taken, strict=True):
        execute("UPDATE ingest_spooledbatch SET batch_id = %s WHERE entries = %s", [batch_id, entries])
    before = REGISTRY.get_sample_value("luminalog_drain_failures_total")
    assert drain() == 3
    assert REGISTRY.get_sample_value("luminalog_drain_failures_total") == (before or 0) + 1
    assert stored(clickhouse) == (15, 15)
    assert is_well()


def test_poison_is_taken_apart_by_tokens_of_its_claim(caller: Caller, clickhouse: ForTests) -> None:
    nul = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"bad \\u0000"}'
    good = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"good"}'
    spool_raw(caller, good, nul, good)
    accept(caller, 2)
    for _ in range(HOPELESS_AFTER):
        drain()
        retry_at_once()
    assert DeadLetter.objects.get().reason == "NulError: a text holds NUL"
    assert stored(clickhouse) == (4, 4)
    assert is_well()


def test_server_that_is_killed_again_and_again_has_everything_once(
    caller: Caller, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time in the middle of an insert, and the drain does not know how far that came."""
    with running(tmp_path / "clickhouse") as server:
        settings.STORE_URL, settings.STORE_READ_URL = server.url, server.read_url
        door.store().migrate()
        entries = 0
        for _ in range(3):
            entries += accept(caller, 900, 900, 900)
            sending = threading.Event()
            monkeypatch.setattr(keeping, "reach", lambda _, sending=sending: sending.set())
            with ThreadPoolExecutor(1) as pool:
                killed = pool.submit(_kill, server, sending)
                with suppress(Unavailable):
                    drain()
                sending.set()
                killed.result()
            server.start()
            retry_at_once()
            while SpooledBatch.objects.exists():
                drain()
                retry_at_once()
        assert stored(server) == (entries, entries)
        assert is_well()


def _kill(server: ForTests, sending: threading.Event) -> None:
    assert sending.wait(60)
    server.stop(how=signal.SIGKILL)


def test_claim_of_somebody_who_works_is_left_alone(caller: Caller, clickhouse: ForTests) -> None:
    accept(caller, 2)
    made = claims.claim(lasts_for_seconds=0)
    assert made
    with connection.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute(claims.TAKE_TURN, [made.claim_id])
        assert pool.submit(_drained_elsewhere).result() == 0
        cursor.execute(claims.END_TURN, [made.claim_id])
    assert fetch_all("SELECT attempts FROM ingest_drainclaim") == [(0,)]
    assert drain() == 1
    assert stored(clickhouse) == (2, 2)


def _drained_elsewhere() -> int:
    try:
        return drain()
    finally:
        connection.close()


def test_no_day_goes_while_a_claim_may_write_into_it(
    caller: Caller, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not verified yet would be missed, and taken for a loss of the store's."""
    entries = accept(caller, 3)
    move_back(timedelta(days=400))
    arm(monkeypatch, "after_store_write=bug:n1")
    with pytest.raises(InjectedError):
        drain()

    retention()
    assert stored(clickhouse) == (entries, entries)
    retry_at_once()
    assert drain() == 1
    assert is_well()

    retention()
    assert stored(clickhouse) == (0, 0)
    assert is_well()


def test_copies_are_a_breach(caller: Caller, in_clickhouse: Store, clickhouse: ForTests) -> None:
    accept(caller, 2)
    [row] = table.read(list(SpooledBatch.objects.values_list("pk", flat=True)))
    assert drain() == 1
    clickhouse.as_writer.run("SYSTEM STOP MERGES entry")
    in_clickhouse.writer.write([row.batch()])
    assert [(one.check, one.found) for one in verify(wait=at_once)] == [("duplicate", "2 copies of its entries")]
    clickhouse.as_writer.run("SYSTEM START MERGES entry")


@pytest.mark.parametrize("point", ["before_erasing_commit", "erased_by_the_ledger"])
def test_erasure_that_dies_is_finished_by_the_next(
    caller: Caller, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Before its commit nothing has happened; after it, what leaves is deleted before anybody looks again."""
    send(caller, {"message": "bob"}, {"message": "stays"}, failure(message="bob again"))
    assert drain() == 1
    owner, query = caller.organisation_id, parse("bob")
    places = door.store().eraser.holding(owner, query, day=Receipt.objects.latest("received_at").received_at.date())
    taken: list[erasing.Taken] = []

    def erase() -> erasing.Taken:
        return erasing.erase(owner, places, query, fits=lambda _: True, uncount=take_back, note=taken.append)

    with monkeypatch.context() as patch:
        if point == "erased_by_the_ledger":
            patch.setattr(Eraser, "erase", _dies)
        else:
            arm(patch, f"{point}=bug:n1")
        with pytest.raises((InjectedError, ZeroDivisionError)):
            erase()
    assert stored(clickhouse) == (3, 3)
    assert erase().entries == (0 if point == "erased_by_the_ledger" else 2)
    assert stored(clickhouse) == (1, 1)
    assert not Leaving.objects.exists()
    assert is_well()


def _dies(*_: Any) -> set[int]:
    raise ZeroDivisionError


def test_of_drains_that_come_together_one_waits_and_takes_what_is_there() -> None:
    """So that nudges, five a second, do not queue up behind the second that a claim waits for more."""
    pace = Pace()
    assert pace.wait(0.0)
    with pace._waiting:
        assert not pace.wait(0.0)
    assert pace.wait(0.0)
