"""One order of locks (ARCHITECTURE.md): everything that writes runs at once, and PostgreSQL meets no deadlock.

Counted by work, not by time: each kind of transaction so many times, from several threads, in orders of its own.
"""

import contextlib
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import life, looks
from accounts.caller import Caller
from accounts.last_use import KEEP
from accounts.models import ApiKey, Organisation
from alerts import looking, turns
from alerts.incidents import Telling
from foundation.outages import LOCK_NOT_AVAILABLE, sqlstate
from foundation.postgres import PromptTransaction, execute
from foundation.refusals import Refusal
from ingest.models import DeadLetter, IdempotencyKey, SpooledBatch
from ingest.spool import claims, dead_letters, failures, idempotency, table
from ingest.spool.drain import drain
from ingest.spool.group_commit import GroupCommit
from ingest.spool.idempotency import Remembered
from issues import changing, forgetting, waking
from issues.changing import Actor
from issues.models import Fingerprint, Group
from notify import notices
from notify.models import NoticeChannel
from operations.erasures import life as erasures
from operations.erasures import work as erasing
from operations.erasures.doing import Ending
from operations.models import Erasure
from quotas import allowance, ledger
from quotas.models import MonthlyUsage
from storage import rollups, unrolled
from storage.postgres import partitions
from storage.store import store
from storage.tally import Tally
from tests.alerts import make_rule
from tests.errors import failure, send
from tests.integration.deadlocks import deadlocks
from tests.integration.spool_rows import fill_spool, part_of
from tests.organisations import caller_of, make_api_key
from tests.processes import database_url
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

ROUNDS = 25
ANSWER = Remembered(body=b"{}", media_type="application/json")
DEADLOCK = "40P01"
OLD_DAYS = [date(2020, 1, day) for day in range(1, 4)]
THIS_YEAR = date(2026, 1, 1)
TOMORROW = datetime.now(UTC).date() + timedelta(days=1)

Round = Callable[[random.Random], object]


@pytest.fixture(autouse=True)
def _claims_of_live_drains_count_as_dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that a drain's claim is released under its hands, now and then."""
    monkeypatch.setattr(claims, "frontier", claims.Frontier())
    monkeypatch.setattr(claims, "DEAD_AFTER_SECONDS", 0)
    yield
    partitions.drop_before(THIS_YEAR)


class Crowd:
    """Threads that each do one kind of work, all from the same moment on."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._start = threading.Event()

    def add(self, work: Round, *, until: threading.Event | None = None) -> None:
        """Have a thread do `work` for `ROUNDS` rounds, or until told; its random numbers are its own."""
        numbers = random.Random(len(self._threads))

        def run() -> None:
            self._start.wait()
            try:
                rounds = 0
                while rounds < ROUNDS if until is None else not until.is_set():
                    self._try(work, numbers)
                    rounds += 1
            finally:
                connections.close_all()

        self._threads.append(threading.Thread(target=run, daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._start.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _try(self, work: Round, numbers: random.Random) -> None:
        try:
            work(numbers)
        except Refusal:
            pass  # the same key in progress; no room: as it should be
        except Exception as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:  # a busy machine's patience, not a circle
                self.errors.append(error)


class Meeting:
    """Where two threads wait for each other, and one of them prepares their round."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)

    def begin(self, prepare: Callable[[], None]) -> None:
        """Return when both are there and the round is prepared."""
        try:
            if self._barrier.wait() == 0:
                prepare()
        finally:
            self._barrier.wait()


class Work:
    """Everything that writes, for some organisations, each of which has a public key. Pairs meet over the same rows."""

    def __init__(self, callers: list[Caller], public: list[Caller]) -> None:
        self.callers, self.public = callers, public
        self.processes = [GroupCommit(), GroupCommit()]
        self.periods = (THIS_YEAR + timedelta(days=n) for n in itertools.count())
        self.over_keys, self.over_letters, self.over_days = Meeting(), Meeting(), Meeting()
        self.over_notices, self.over_uses = Meeting(), Meeting()

    def accept(self, numbers: random.Random) -> None:
        table.accept(numbers.choice(self.callers), [part_of("one", "two")])

    def accept_in_groups(self, numbers: random.Random) -> None:
        numbers.choice(self.processes).accept(numbers.choice(self.callers), [part_of("one", "two")])

    def accept_in_parts(self, numbers: random.Random) -> None:
        table.accept(numbers.choice(self.callers), [part_of("one"), part_of("two"), part_of("three")])

    def accept_once(self, numbers: random.Random) -> None:
        caller = numbers.choice(self.callers)
        with PromptTransaction():
            known = idempotency.remember(caller.api_key_id, f"{numbers.randrange(20)}", body=b"", answer=ANSWER)
            if known is None:
                table.accept(caller, [part_of("one")] * numbers.choice([1, 2]))

    def accept_with_public_keys(self, numbers: random.Random) -> None:
        table.accept(numbers.choice(self.public), [part_of("one")] * numbers.choice([1, 2]))

    def receive_anew(self, numbers: random.Random) -> None:
        """As a replay of dead letters of public keys does, in whatever order they are in."""
        with transaction.atomic():
            allowance.received_anew([one.api_key_id for one in numbers.sample(self.public, len(self.public))])
            fill_spool(self.public[0].organisation_id, rows=1)

    def open_months(self, numbers: random.Random) -> None:
        MonthlyUsage.objects.filter(organisation_id=numbers.choice(self.callers).organisation_id).delete()
        self.accept_once(numbers)

    def forget_keys(self, _numbers: random.Random) -> None:
        self.over_keys.begin(self._make_old_keys)
        idempotency.forget_old()

    def _make_old_keys(self) -> None:
        IdempotencyKey.objects.update(created_at=Now() - timedelta(days=2))

    def spool_trouble(self, numbers: random.Random) -> None:
        """Batches that cannot be read: new, to be taken apart, and hopeless; one of a day without a partition."""
        organisation_id = numbers.choice(self.callers).organisation_id
        fill_spool(organisation_id, rows=3)
        for attempts in (5, 8):
            with transaction.atomic():
                fill_spool(organisation_id, rows=2, age=timedelta(seconds=attempts))
                execute(
                    "UPDATE ingest_spooledbatch SET attempts = %s WHERE xmin = pg_current_xact_id()::xid", [attempts]
                )
        self.accept(numbers)
        self._mark(SpooledBatch.objects.filter(attempts=1), not_before=Now(), attempts=4)

    @staticmethod
    def _mark(batches: "QuerySet[SpooledBatch]", **values: Any) -> None:
        """Change those that nobody holds: the product changes none but its own, and meets no test that waits."""
        with transaction.atomic():
            free = batches.select_for_update(skip_locked=True).values_list("pk", flat=True)
            SpooledBatch.objects.filter(pk__in=list(free)).update(**values)

    def drain(self, _numbers: random.Random) -> None:
        drain(budget_seconds=1)

    def abandon_claim(self, _numbers: random.Random) -> None:
        claims.claim()
        failures.release_dead()

    def replay(self, numbers: random.Random) -> None:
        self.over_letters.begin(self._make_letters)
        letters = list(DeadLetter.objects.order_by("-pk").values_list("pk", flat=True)[:10])
        numbers.shuffle(letters)
        dead_letters.replay(letters)

    def _make_letters(self) -> None:
        fill_spool(self.callers[0].organisation_id, rows=10)
        self._mark(SpooledBatch.objects.filter(entries=1, attempts=0), attempts=dead_letters.HOPELESS_AFTER)
        dead_letters.bury_hopeless()

    def count(self, numbers: random.Random) -> None:
        hour = datetime.now(UTC)
        rows = [
            ledger.UsageRow(hour - timedelta(hours=hours), one.organisation_id, one.api_key_id, outcome, 1, 1, 1)
            for one in self.callers
            for hours in range(3)
            for outcome in ("accepted", "rate_limited", "quota_exhausted")
        ]
        numbers.shuffle(rows)
        with transaction.atomic():
            ledger.count(rows)

    def note_uses(self, numbers: random.Random) -> None:
        """Keep when keys were last used, as two processes do that saw the same keys."""
        self.over_uses.begin(self._make_uses_old)
        keys = list(ApiKey.objects.values_list("pk", flat=True))
        numbers.shuffle(keys)
        with transaction.atomic():
            execute(KEEP, [keys, [datetime.now(UTC)] * len(keys), ["192.0.2.1"] * len(keys), ["curl"] * len(keys)])

    def _make_uses_old(self) -> None:
        ApiKey.objects.update(last_used_at=None)

    def make_days(self, numbers: random.Random) -> None:
        """As a drain does for batches that waited until their days were dropped."""
        self.over_days.begin(self._drop_days)
        with transaction.atomic():
            for day in numbers.sample(OLD_DAYS, 2):
                partitions.make({day})

    def _drop_days(self) -> None:
        partitions.drop_before(THIS_YEAR)
        partitions.drop_detached(THIS_YEAR)

    def delete_entries(self, numbers: random.Random) -> None:
        store().writer.delete(numbers.choice(self.callers).organisation_id, before=datetime.now(UTC), limit=50)

    def erase_entries(self, numbers: random.Random) -> None:
        """Erase, and scrub what is stored, for one organisation; as a worker does, whatever else was asked for."""
        organisation = Organisation.objects.get(pk=numbers.choice(self.callers).organisation_id)
        is_to_go = organisation.status == Organisation.Status.SUSPENDED
        kinds = [("query", "message:one"), ("rules", "")] + [("all", "")] * is_to_go
        kind, wanted = numbers.choice(kinds)
        erasures.ask(organisation, kind=kind, wanted=wanted, by=looks.at_the_server())
        erasing.work(budget_seconds=5)

    def forget(self, _numbers: random.Random) -> None:
        """As the last step of erasing everything does, but while others go on writing."""
        for _ in Ending().elsewhere(self.callers[-1].organisation_id):
            pass

    def roll_up(self, _numbers: random.Random) -> None:
        unrolled.roll_up(budget_seconds=0.1)

    def distrust_rollups(self, numbers: random.Random) -> None:
        whose = numbers.choice([None, *(one.organisation_id for one in self.callers)])
        rollups.distrust(before=TOMORROW, organisation_id=whose)
        rollups.sweep()

    def add_to_rollups(self, numbers: random.Random) -> None:
        """As a drain does for batches that waited for days, or that an older worker has stored."""
        tally, not_told = Tally(), set()
        for caller in numbers.sample(self.callers, len(self.callers)):
            for days in numbers.sample(range(4), 3):
                received_at = datetime.now(UTC) - timedelta(days=days)
                kind = (f"{received_at:%Y-%m-%dT%H:%M}".encode(), 20, "shop", "production")
                tally.of(caller.organisation_id, received_at).update([kind])
                not_told.add((caller.organisation_id, received_at.date() - timedelta(days=numbers.randrange(3))))
        with transaction.atomic():
            rollups.write(tally, not_told=not_told if numbers.randrange(2) else ())

    def send_errors(self, numbers: random.Random) -> None:
        """Errors of the same groups as everybody's, and now and then of a new one."""
        names = [f"Kind{n}Error" for n in range(20)] + [f"New{numbers.randrange(1_000)}Error"]
        numbers.shuffle(names)
        send(
            numbers.choice(self.callers), *(failure(name, "x", stack=[], metadata={"release": name}) for name in names)
        )

    def regroup_by_hand(self, numbers: random.Random) -> None:
        """Merge groups, and split what is in them."""
        owner = numbers.choice(self.callers).organisation_id
        groups = list(Group.objects.filter(organisation_id=owner, merged_into=None).order_by("?")[:3])
        with contextlib.suppress(changing.ChangeRefused, Group.DoesNotExist, IndexError):
            changing.merge(owner, groups[0].number, [group.number for group in groups[1:]], by=Actor())
            keys = list(Fingerprint.objects.filter(group=groups[0]).values_list("key", flat=True))
            changing.split(owner, groups[0].number, keys[1:], by=Actor())

    def decide(self, numbers: random.Random) -> None:
        """Resolve groups, as events go on; wake others, and forget."""
        owner = numbers.choice(self.callers).organisation_id
        for number in range(1, 6):
            with contextlib.suppress(changing.ChangeRefused, Group.DoesNotExist):
                changing.resolve(owner, number, by=Actor())
        waking.wake()
        forgetting.forget_unseen()

    def give_notices(self, numbers: random.Random) -> None:
        self.over_notices.begin(self._next_period)
        due = [
            notices.Due(one.organisation_id, kind, self.period)
            for one in self.callers
            for kind in ("quota_80", "quota_100", "refused")
        ]
        numbers.shuffle(due)
        notices.give(due)

    def tell_of_incidents(self, numbers: random.Random) -> None:
        """Look at all rules, as if nobody kept evaluators apart."""
        hearing = looking.Hearing(now=datetime.now(UTC), deaf_until=datetime.now(UTC), waiting={}, unheard={})
        telling = Telling(hearing.now)
        turns.tell_all(telling)
        for caller in numbers.sample(self.callers, len(self.callers)):
            looking.look_at(caller.organisation_id, hearing, telling)

    def _next_period(self) -> None:
        self.period = next(self.periods)


def test_everything_at_once_meets_no_deadlock(
    make_caller: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ending, "begins_after", timedelta())
    callers = [make_caller() for _ in range(3)]
    for caller in callers:
        NoticeChannel.objects.create(organisation_id=caller.organisation_id, kind="email", address="ops@example.com")
        for rule in ("new_group", "threshold", "search"):
            make_rule(caller, rule_name=rule, kind=rule, query="x" if rule == "search" else "", count_threshold=1)
    organisations = Organisation.objects.filter(pk__in=[caller.organisation_id for caller in callers])
    public = [caller_of(make_api_key(one, kind="public", scopes=["ingest"])[0]) for one in organisations]
    life.suspend(callers[-1].organisation_id, reason="it is to go: see `forget`")
    work, done, before = Work(callers, public), threading.Event(), deadlocks()
    bounded, endless = Crowd(), Crowd()
    for kind in (
        *[work.accept_in_groups] * 6,
        work.accept, work.accept_in_parts, work.accept_once, work.accept_once, work.open_months, work.forget_keys,
        work.forget_keys, work.spool_trouble, work.abandon_claim, work.replay, work.replay, work.count, work.count,
        work.make_days, work.make_days, work.delete_entries, work.delete_entries, work.give_notices,
        work.give_notices, work.note_uses, work.note_uses, work.add_to_rollups, work.add_to_rollups,
        work.distrust_rollups, work.distrust_rollups, work.send_errors, work.send_errors, work.regroup_by_hand,
        work.regroup_by_hand, work.decide, work.erase_entries, work.roll_up, work.accept_with_public_keys,
        work.accept_with_public_keys, work.receive_anew, work.receive_anew, work.tell_of_incidents,
        work.tell_of_incidents, work.forget, work.forget,
    ):  # fmt: skip
        bounded.add(kind)
    for _ in range(2):
        endless.add(work.drain, until=done)
    endless.start()
    bounded.start()
    bounded.join()
    done.set()
    endless.join()
    assert Counter(map(repr, [*bounded.errors, *endless.errors])) == {}
    assert deadlocks() == before
    assert DeadLetter.objects.exists()
    assert Erasure.objects.filter(entries__gt=0).exists()
    assert Erasure.objects.filter(kind="all", began_at__isnull=False).exists()


def test_a_deadlock_would_be_counted(make_caller: Callable[..., Caller]) -> None:
    ids = [make_caller().organisation_id for _ in range(2)]
    before, met = deadlocks(), threading.Barrier(2)
    codes: list[Any] = []

    def lock(first: int, second: int) -> None:
        with psycopg.connect(database_url()) as holder:
            holder.execute("SELECT FROM accounts_organisation WHERE id = %s FOR UPDATE", [first])
            met.wait()
            try:
                holder.execute("SELECT FROM accounts_organisation WHERE id = %s FOR UPDATE", [second])
            except psycopg.OperationalError as error:
                codes.append(error.sqlstate)
                holder.rollback()

    threads = [threading.Thread(target=lock, args=order) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [DEADLOCK]
    wait_until(lambda: deadlocks() == before + 1, what="a deadlock that is counted")
