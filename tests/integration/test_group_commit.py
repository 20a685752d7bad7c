"""Group commit: batches that wait share a flush, and each answer is what it would have been alone."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from accounts.caller import Caller
from foundation.postgres import fetch_one
from foundation.refusals import Refusal
from ingest import metrics
from ingest.models import SpooledBatch
from ingest.spool import group_commit, table
from ingest.spool.group_commit import FOR_ONE, KEEP_WHAT_IS_FREE, GroupCommit, Outcome
from quotas import ledger
from quotas.models import MonthlyUsage
from tests.integration.spool_rows import part_of
from tests.processes import database_url
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
PART = part_of("one")
Threads = Callable[..., Future[None]]


@pytest.fixture
def groups() -> Iterator[GroupCommit]:
    """As a process has it that has just begun."""
    made = GroupCommit()
    yield made
    made._helpers_apart.submit(connections.close_all).result(DEADLINE_SECONDS)


@pytest.fixture
def submit() -> Iterator[Threads]:
    """Return a function that calls another on one of many threads."""

    def run(function: Callable[..., None], *arguments: object) -> None:
        try:
            function(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(64) as threads:
        yield lambda *work: threads.submit(run, *work)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each group whose statement has begun, in their order."""
    begun: list[int] = []
    monkeypatch.setattr(metrics.COMMIT_GROUPS, "observe", begun.append)
    return begun


class Gate:
    """Holds a process's groups before their statement, so that others gather behind them."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()


@pytest.fixture(autouse=True)
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made, run = Gate(), group_commit._run

    def wait_and_run(statement: str, rows: Sequence[table.Row]) -> tuple[set[int], set[int]]:
        assert made.open.wait(DEADLINE_SECONDS)
        return run(statement, rows)

    monkeypatch.setattr(group_commit, "_run", wait_and_run)
    return made


@contextmanager
def usage_held(caller: Caller) -> Iterator[None]:
    """Hold the row that the organisation's batches are charged to."""
    with psycopg.connect(database_url()) as other:
        other.execute(
            "SELECT 1 FROM quotas_monthlyusage WHERE organisation_id = %s FOR UPDATE", [caller.organisation_id]
        )
        yield
        other.rollback()


def gather(groups: GroupCommit, callers: Sequence[Caller], submit: Threads, sizes: list[int]) -> list[Future[None]]:
    """Send a batch of each caller; all but the first wait for the group that is before them."""
    began = len(sizes)
    futures = [submit(groups.accept, callers[0], [PART])]
    wait_until(lambda: len(sizes) > began)
    futures += [submit(groups.accept, caller, [PART]) for caller in callers[1:]]
    wait_until(lambda: len(groups._together._waiting) == len(callers) - 1)
    return futures


def used(caller: Caller) -> int:
    return MonthlyUsage.objects.get(organisation_id=caller.organisation_id).used_bytes


def outcomes(futures: Sequence[Future[None]]) -> list[str]:
    errors = [future.exception(DEADLINE_SECONDS) for future in futures]
    return [error.code if isinstance(error, Refusal) else type(error).__name__ for error in errors]


def test_batches_that_wait_are_kept_by_one_statement_and_charged_to_their_own(
    groups: GroupCommit, make_caller: Callable[..., Caller], submit: Threads, sizes: list[int], gate: Gate
) -> None:
    first, second = make_caller(), make_caller()
    for caller in (first, second):
        ledger.open_month(caller.organisation_id)
    with gate.closed():
        futures = gather(groups, [first, first, second, first, second], submit, sizes)
    assert outcomes(futures) == ["NoneType"] * 5
    assert sizes == [1, 4]
    assert (used(first), used(second)) == (3 * PART.size_bytes, 2 * PART.size_bytes)
    assert SpooledBatch.objects.filter(organisation_id=first.organisation_id, api_key_id=first.api_key_id).count() == 3


def test_month_opens_with_its_first_batch(groups: GroupCommit, caller: Caller, sizes: list[int]) -> None:
    groups.accept(caller, [PART])
    assert used(caller) == PART.size_bytes
    assert sizes == [1, 1]  # not there in the group of all, made in its own


def test_group_waits_for_nobodys_row(
    groups: GroupCommit, make_caller: Callable[..., Caller], submit: Threads, sizes: list[int], gate: Gate
) -> None:
    """While A's row is held, B is served; A's batches gather meanwhile, and are kept when it is free."""
    a, b = make_caller(), make_caller()
    for caller in (a, b):
        ledger.open_month(caller.organisation_id)
    with usage_held(a):
        futures = [submit(groups.accept, a, [PART]) for _ in range(5)]
        wait_until(lambda: (lane := groups._apart.get(a.organisation_id)) and len(lane._waiting) == 4)
        for _ in range(10):
            groups.accept(b, [PART])
        assert not any(future.done() for future in futures)
    assert outcomes(futures) == ["NoneType"] * 5
    assert (used(a), used(b)) == (5 * PART.size_bytes, 10 * PART.size_bytes)


@pytest.mark.parametrize("room", [0, 1, 3, 6])
def test_spent_quota_refuses_what_it_would_have_refused_alone(
    groups: GroupCommit, make_caller: Callable[..., Caller], submit: Threads, sizes: list[int], gate: Gate, room: int
) -> None:
    spent, stranger = make_caller(monthly_bytes=room * PART.size_bytes), make_caller()
    for caller in (spent, stranger):
        ledger.open_month(caller.organisation_id)
    with gate.closed():
        futures = gather(groups, [stranger, spent, stranger, *[spent] * 5], submit, sizes)
    said = outcomes(futures)
    assert (said[0], said[2]) == ("NoneType", "NoneType")
    assert [said.count("NoneType"), said.count("quota_exhausted")] == [2 + min(room, 6), 6 - min(room, 6)]
    assert used(spent) == min(room, 6) * PART.size_bytes


def test_spent_organisation_that_sends_much_is_in_no_strangers_group(
    groups: GroupCommit,
    make_caller: Callable[..., Caller],
    submit: Threads,
    sizes: list[int],
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once two of its batches were in a group for nothing, it goes alone: a stranger waits for its own group only."""
    monkeypatch.setattr(group_commit, "APART_SECONDS", DEADLINE_SECONDS)
    spent, stranger = make_caller(monthly_bytes=0), make_caller()
    for caller in (spent, stranger):
        ledger.open_month(caller.organisation_id)
    with gate.closed():
        futures = gather(groups, [stranger, spent, spent], submit, sizes)
    outcomes(futures)
    sizes.clear()
    refused = [submit(groups.accept, spent, [PART]) for _ in range(50)]
    for _ in range(10):
        groups.accept(stranger, [PART])
    assert set(outcomes(refused)) == {"quota_exhausted"}
    assert sizes == [1] * 10
    assert used(stranger) == 11 * PART.size_bytes


def test_batch_that_postgresql_refuses_spoils_no_other(
    groups: GroupCommit, make_caller: Callable[..., Caller], submit: Threads, sizes: list[int], gate: Gate
) -> None:
    good, bad = make_caller(), make_caller()
    for caller in (good, bad):
        ledger.open_month(caller.organisation_id)
    with gate.closed():
        futures = gather(groups, [good, good], submit, sizes)
        broken = table.Part(payload=PART.payload, entries=1_001, size_bytes=1)  # a check of the spool forbids it
        futures.append(submit(groups.accept, bad, [broken]))
        wait_until(lambda: len(groups._together._waiting) == 2)
    assert outcomes(futures[:2]) == ["NoneType"] * 2
    assert outcomes(futures[2:]) == ["IntegrityError"]
    assert used(good) == 2 * PART.size_bytes


@pytest.mark.parametrize("happened", [True, False])
def test_lost_answer_to_the_commit_of_a_group_is_looked_up_once(
    groups: GroupCommit,
    caller: Caller,
    submit: Threads,
    sizes: list[int],
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    happened: bool,
) -> None:
    ledger.open_month(caller.organisation_id)
    lookups: list[int] = []
    looked_up = table.kept_nevertheless

    def lose(sql: str, parameters: object) -> object:
        if sql == KEEP_WHAT_IS_FREE and len(parameters["payloads"]) == 20:  # type: ignore[index]
            if happened:
                fetch_one(sql, parameters)  # type: ignore[arg-type]
            os.close(connection.connection.fileno())
            raise OperationalError("the connection is lost")
        return fetch_one(sql, parameters)  # type: ignore[arg-type]

    def look_up(batch_ids: Sequence[int], *, session: int) -> set[int]:
        lookups.append(len(batch_ids))
        return looked_up(batch_ids, session=session)

    monkeypatch.setattr(group_commit, "fetch_one", lose)
    monkeypatch.setattr(table, "kept_nevertheless", look_up)
    with gate.closed():
        futures = gather(groups, [caller] * 21, submit, sizes)
    assert outcomes(futures) == ["NoneType"] + ["NoneType" if happened else "OperationalError"] * 20
    assert lookups == [20]
    assert SpooledBatch.objects.count() == used(caller) // PART.size_bytes == (21 if happened else 1)


@pytest.mark.usefixtures("groups")
def test_organisation_in_two_processes_keeps_its_group_commit(
    caller: Caller, submit: Threads, sizes: list[int], gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds the row while the other's group gathers: fewer statements than batches, and no batch by itself."""
    monkeypatch.setattr(group_commit, "APART_SECONDS", DEADLINE_SECONDS)
    processes = [GroupCommit(), GroupCommit()]
    ledger.open_month(caller.organisation_id)

    def keep_on(groups: GroupCommit) -> None:
        for _ in range(25):
            groups.accept(caller, [PART])

    futures = [submit(keep_on, groups) for groups in processes for _ in range(8)]
    assert outcomes(futures) == ["NoneType"] * 16
    assert used(caller) == 400 * PART.size_bytes
    assert sum(sizes) >= 400
    assert len(sizes) < 200
    assert not any(groups._one_by_one.get(caller.organisation_id) for groups in processes)


def test_own_transaction_of_a_caller_is_joined(groups: GroupCommit, caller: Caller, sizes: list[int]) -> None:
    with transaction.atomic():
        groups.accept(caller, [PART])
        transaction.set_rollback(True)
    assert SpooledBatch.objects.count() == 0
    assert sizes == []


def test_month_whose_row_goes_in_the_midst_loses_no_batch(
    groups: GroupCommit, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answered is kept, whatever a group has found: in the end each batch is asked for alone."""
    monkeypatch.setattr(group_commit, "_run", lambda _statement, _rows: (set(), set()))
    groups.accept(caller, [PART])
    assert used(caller) == PART.size_bytes
    assert SpooledBatch.objects.count() == 1


def test_batches_that_come_together_by_the_lane_wait_for_no_row_either(
    groups: GroupCommit, make_caller: Callable[..., Caller], sizes: list[int]
) -> None:
    """Whose row is held is told so, and waits in a group of its own organisation."""
    a, b = make_caller(), make_caller()
    for caller in (a, b):
        ledger.open_month(caller.organisation_id)
    rows = [table.rows_of(caller, [PART])[0] for caller in (a, b, a)]
    with usage_held(a):
        assert groups.keep_all(rows) == [Outcome.HELD, Outcome.KEPT, Outcome.HELD]

    async def keep_apart() -> list[Outcome]:
        return await asyncio.gather(*(groups.keep_apart(row) for row in (rows[0], rows[2])))

    assert asyncio.run(keep_apart()) == [Outcome.KEPT] * 2
    assert (used(a), used(b)) == (2 * PART.size_bytes, PART.size_bytes)
    assert sizes[0] == 3


@pytest.mark.parametrize("room", [0, 1, 2])
def test_batches_that_come_together_hear_of_a_spent_quota(
    groups: GroupCommit, make_caller: Callable[..., Caller], room: int
) -> None:
    """With no room for all, they are to be tried one by one: for a second at once."""
    caller = make_caller(monthly_bytes=room * PART.size_bytes)
    ledger.open_month(caller.organisation_id)
    rows = [table.rows_of(caller, [PART])[0] for _ in range(2)]
    alone = room < 2
    assert groups.keep_all(rows) == [Outcome.ALONE if alone else Outcome.KEPT] * 2
    assert groups.keep_all(rows[:1])[0] is (Outcome.ALONE if alone else Outcome.REFUSED)


def test_one_batch_by_itself_costs_one_statement(
    groups: GroupCommit, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.open_month(caller.organisation_id)
    groups.accept(caller, [PART])  # ids are taken
    asked: list[str] = []

    def fetch(sql: str, parameters: dict[str, object]) -> object:
        asked.append(sql)
        return fetch_one(sql, parameters)

    monkeypatch.setattr(group_commit, "fetch_one", fetch)
    groups.accept(caller, [PART])
    assert asked == [FOR_ONE[KEEP_WHAT_IS_FREE]]
    assert used(caller) == 2 * PART.size_bytes
