"""PostgreSQL hangs, hangs up or goes away: requests are refused in time, and it works again by itself."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.test import Client

from accounts.caller import Caller
from accounts.models import Organisation
from foundation.postgres import PromptTransaction, execute, fetch_all, fetch_one
from ingest.models import SpooledBatch
from ingest.spool import group_commit, idempotency, table
from ingest.spool.idempotency import Remembered
from ingest.spool.payload import pack
from quotas import ledger
from storage.errors import Unavailable
from storage.postgres.reads import reading
from tests.organisations import caller_of, make_api_key
from tests.patience import MODULES, POSTGRESQL_SECONDS
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
LINE = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"one"}'
ANSWER = Remembered(body=b"{}", media_type="application/json")
PART = table.Part(payload=pack(LINE), entries=1, size_bytes=len(LINE))


Accept = Callable[[Caller, list[table.Part]], None]


@pytest.fixture(params=[table.accept, group_commit.accept], ids=["alone", "in a group"])
def accept(request: pytest.FixtureRequest) -> Accept:
    """Each way into the spool."""
    way: Accept = request.param
    return way


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Give PostgreSQL no longer than the product does."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "DEADLINE_SECONDS", POSTGRESQL_SECONDS)
        yield


@pytest.fixture
def backend_pid() -> int:
    """The process of PostgreSQL that serves this thread's connection."""
    row = fetch_one("SELECT pg_backend_pid()", ())
    assert row
    return int(row[0])


@pytest.fixture
def stopped() -> Iterator[Callable[[int], None]]:
    """Return a function that stops a process, which goes on when the test ends.

    It goes on after some deadlines, too: what was not given up by then succeeds after all, and its test fails.
    """
    patience = []

    def go_on(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        patience.append(threading.Timer(6 * POSTGRESQL_SECONDS, go_on, [pid]))
        patience[-1].start()

    yield stop
    for timer in patience:
        timer.cancel()
        timer.join()
        go_on(*timer.args)


def test_hanging_server_is_given_up_in_time(
    accept: Accept, caller: Caller, backend_pid: int, stopped: Callable[[int], None]
) -> None:
    accept(caller, [PART])
    stopped(backend_pid)

    with in_time(), pytest.raises(OperationalError):
        fetch_one("SELECT 1", ())

    connection.close()
    accept(caller, [PART])
    assert SpooledBatch.objects.count() == 2


@pytest.mark.django_db(transaction=True, databases=["default", "reads"])
def test_reader_of_a_hanging_server_is_let_go(caller: Caller, stopped: Callable[[int], None], settings: Any) -> None:
    with reading(caller.organisation_id) as reader:
        [(pid,)] = reader.rows("SELECT pg_backend_pid()")
    stopped(pid)

    settings.READ_TIMEOUT_SECONDS = 1
    with in_time(), pytest.raises(Unavailable), reading(caller.organisation_id) as reader:
        reader.rows("SELECT 1")

    settings.READ_TIMEOUT_SECONDS = 15
    with reading(caller.organisation_id) as reader:
        assert reader.rows("SELECT 1") == [(1,)]


def test_idle_connection_that_was_hung_up_costs_no_request(accept: Accept, caller: Caller, backend_pid: int) -> None:
    accept(caller, [PART])
    os.kill(backend_pid, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{backend_pid}").exists(), what="the end of the session")

    accept(caller, [PART])

    assert SpooledBatch.objects.count() == 2


def test_connection_that_died_in_use_is_an_outage_and_no_bug(caller: Caller) -> None:
    table.accept(caller, [PART])
    connection.connection.close()

    with pytest.raises(OperationalError):
        fetch_one("SELECT 1", ())

    connection.close()


def test_lost_answer_to_a_commit_is_looked_up(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit happens, and the connection is cut before its answer is read."""
    table.accept(caller, [PART])

    def cut_after_commit(sql: str, parameters: object) -> object:
        row = fetch_one(sql, parameters)  # type: ignore[arg-type]
        if sql == table.ACCEPT:
            os.close(connection.connection.fileno())
            raise OperationalError("the connection is lost")
        return row

    monkeypatch.setattr(table, "fetch_one", cut_after_commit)

    table.accept(caller, [PART])

    monkeypatch.undo()
    assert SpooledBatch.objects.count() == 2


def test_connection_lost_before_the_commit_is_an_outage(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    table.accept(caller, [PART])

    def cut_before_commit(sql: str, parameters: object) -> object:
        if sql == table.ACCEPT:
            os.close(connection.connection.fileno())
            raise OperationalError("the connection is lost")
        return fetch_one(sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(table, "fetch_one", cut_before_commit)

    with pytest.raises(OperationalError):
        table.accept(caller, [PART])

    assert SpooledBatch.objects.count() == 1


def test_accept_commits_durably() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


#: By the sessions that accept, and nobody else: PostgreSQL's own writer flushes after a while what nobody waits for.
SYNCS = """
SELECT session.pid, sum(fsyncs)::bigint FROM pg_stat_activity AS session, pg_stat_get_backend_io(session.pid)
 WHERE datname = current_database() AND session.backend_type = 'client backend' AND object = 'wal' GROUP BY 1
"""


def accept_two_in_a_group(caller: Caller, parts: list[table.Part]) -> None:
    """Keep `parts` twice by one statement; a group of one has another."""
    rows = [table.rows_of(caller, parts)[0] for _ in range(2)]
    assert group_commit.keep_all(rows) == [group_commit.Outcome.KEPT] * 2


@pytest.mark.parametrize(
    "accept", [table.accept, group_commit.accept, accept_two_in_a_group], ids=["alone", "in a group of one", "of two"]
)
def test_every_accepted_request_syncs_the_log(accept: Accept, caller: Caller) -> None:
    """What a killed PostgreSQL cannot show: each 200 was preceded by an fsync of the write-ahead log."""

    def syncs() -> dict[int, int]:
        execute("SELECT pg_stat_force_next_flush()")
        return dict(fetch_all(SYNCS))

    ledger.open_month(caller.organisation_id)  # no group does that
    accept(caller, [PART])
    before = syncs()

    for _ in range(20):
        accept(caller, [PART])

    def more() -> int:
        return sum(count - before.get(session, 0) for session, count in syncs().items())

    wait_until(lambda: more() >= 20, what="20 flushes, of which sessions tell later")


def test_batch_refused_because_its_session_hung_is_not_kept_later(
    accept: Accept, caller: Caller, backend_pid: int, stopped: Callable[[int], None]
) -> None:
    """The statement is in the hung session's socket: going on, it would read it, and keep what was refused."""
    accept(caller, [PART])
    stopped(backend_pid)
    with in_time(), pytest.raises(OperationalError):
        accept(caller, [PART])

    os.kill(backend_pid, signal.SIGCONT)
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    wait_until(lambda: fetch_one(gone, [backend_pid]) == (0,), what="the end of the session")

    assert SpooledBatch.objects.count() == 1


def test_readiness_is_red_in_time_when_postgresql_hangs(
    client: Client, backend_pid: int, stopped: Callable[[int], None]
) -> None:
    stopped(backend_pid)

    with in_time():
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["postgresql"]) == (503, "failed")
    connection.close()


@pytest.mark.parametrize("hangs_at", ["first statement", "COMMIT"])
def test_request_with_an_idempotency_key_is_given_up_in_time(
    caller: Caller, backend_pid: int, stopped: Callable[[int], None], hangs_at: str
) -> None:
    body = b'{"logs":[' + LINE + b"]}"

    def accept_once() -> None:
        with PromptTransaction():
            if hangs_at == "first statement":
                stopped(backend_pid)
            idempotency.remember(
                caller.api_key_id, "once", body=body, answer=Remembered(body=b"{}", media_type="application/json")
            )
            table.accept(caller, [PART])
            stopped(backend_pid)

    with in_time(), pytest.raises(OperationalError):
        accept_once()

    connection.close()


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize(("parts", "is_public"), [(2, False), (1, True)], ids=["in parts", "by a public key"])
def test_lost_answer_to_the_commit_of_a_transaction_is_looked_up(
    make_caller: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch, parts: int, is_public: bool, happened: bool
) -> None:
    """Django has another session by then, which answers: only its number tells that the COMMIT's is gone."""
    caller = make_caller()
    if is_public:
        caller = caller_of(make_api_key(Organisation.objects.get(), kind="public", scopes=["ingest"])[0])
    ledger.open_month(caller.organisation_id)
    session: Any = connections[DEFAULT_DB_ALIAS]

    def lose() -> None:
        monkeypatch.undo()
        if happened:
            session._commit()
        os.close(session.connection.fileno())
        with session.wrap_database_errors:
            session.connection.execute("SELECT")

    monkeypatch.setattr(session, "_commit", lose)
    with contextlib.nullcontext() if happened else pytest.raises(OperationalError):
        table.accept(caller, [PART] * parts)

    assert SpooledBatch.objects.count() == (parts if happened else 0)
