"""Errors become groups in the transaction that stores them: counted exactly, or not stored."""

import itertools
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.caller import Caller
from foundation import faults
from foundation.postgres import execute
from ingest.models import DrainClaim, SpooledBatch
from ingest.spool import claims
from ingest.spool.drain import _drain, drain
from issues import allowance, counting, regrouping, rules
from issues.allowance import MOST_SIBLINGS
from issues.models import Allowance, Fingerprint, Group, Hour, Minute, Person, Release, Turn
from operations.verification import verify
from storage.fields import sampling
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from storage.receipts import NOT_GROUPED
from tests.errors import failure, send, store
from tests.integration.deadlocks import deadlocks
from tests.integration.spool_rows import refusing
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


def keys() -> list[int | None]:
    return list(LogEntry.objects.order_by("id").values_list("error_key", flat=True))


def test_errors_are_counted_where_they_are_stored(caller: Caller) -> None:
    one = failure(environment="live", metadata={"release": "1.4.2", "user_id": "ann"})
    store(caller, one, {"message": "hello"}, one, failure("KeyError", "'b'", stack=[], metadata={"user_id": "bob"}))
    store(caller, failure(metadata={"version": "1.4.3", "userId": 12}), {"level": "fatal", "message": "down 5 times"})

    groups = list(Group.objects.order_by("number"))
    assert sorted(group.title for group in groups) == ["KeyError: 'b'", "PaymentError: no money", "down 5 times"]
    payment = next(group for group in groups if group.type == "PaymentError")
    fingerprint = payment.fingerprints.get()
    stored = keys()
    assert [stored[0], stored[2], stored[4]] == [fingerprint.key] * 3
    assert stored[1] is None
    assert None not in stored[3:]
    assert (fingerprint.events, fingerprint.people, fingerprint.level) == (3, 2, 40)
    assert payment.culprit == "src/pay.js in pay"
    assert len(fingerprint.samples) == 3
    assert fingerprint.first_sample == LogEntry.objects.order_by("id").values_list("id", flat=True)[0]
    of_payment = {"key": fingerprint.key, "organisation_id": caller.organisation_id}
    for counted in (Minute, Hour):
        rows = {(row.environment, row.release): row.events for row in counted.objects.filter(**of_payment)}
        assert rows == {("live", "1.4.2"): 2, ("production", "1.4.3"): 1}
    assert Person.objects.filter(**of_payment).count() == 2
    assert {one.release for one in Release.objects.all()} == {"1.4.2", "1.4.3"}
    assert list(Receipt.objects.order_by("batch_id").values_list("errors", flat=True)) == [3, 2]
    assert Turn.objects.filter(what="new").count() == 3


@pytest.mark.parametrize(("point", "stored"), [("before_drain_commit", 0), ("after_drain_commit", 1)])
def test_worker_that_dies_beside_its_commit_has_counted_what_it_has_stored(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, stored: int
) -> None:
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(faults, "_rules", faults.read_rules(f"{point}=bug:n1"))
    with pytest.raises(faults.InjectedError):
        store(caller, failure())
    assert Receipt.objects.count() == stored
    assert sum(Fingerprint.objects.values_list("events", flat=True)) == stored
    assert verify() == []


def statements_of_drain() -> int:
    """Drain; return how many statements that took."""
    with tempfile.TemporaryFile("w+") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        drain()
        connection.connection.pgconn.untrace()
        trace.seek(0)
        return len(re.findall(r"^\S+ \S+\tF\t\d+\t(?:Query|Execute)", trace.read(), re.MULTILINE))


def test_known_errors_cost_two_statements_whatever_their_number(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "ONE_IN", 2**20)  # of entries' fields no drain here notes a sample, which is one more
    monkeypatch.setattr(rules._known, "_most_seconds", DEADLINE_SECONDS)  # who reads them again costs one more
    some = [failure("KeyError", f"'{name}'", stack=[], metadata={"user_id": name}) for name in ("a", "b", "c")]
    statements: list[int] = []
    store(caller, {"message": "x"})
    for entries in ([{"message": "x"}], some, some, some * 5):
        send(caller, *entries)
        statements.append(statements_of_drain())
    none, _, few, many = statements
    assert many == few == none + 2


#: A test may begin just before the hour ends, which the allowance is for.
SAME_HOUR = "UPDATE issues_allowance SET hour = date_trunc('hour', now(), 'UTC')"


def test_errors_beyond_the_limits_are_counted_together(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["".join(pair) for pair in itertools.product("abcdefgh", repeat=2)]
    store(caller, *(failure("Error", f"no {word}", stack=["at pay (/a/b.js:1:2)"]) for word in words[:40]))
    assert Fingerprint.objects.count() == MOST_SIBLINGS + 1
    star = Fingerprint.objects.get(basis__contains=["*"])
    assert star.events == 40 - MOST_SIBLINGS

    monkeypatch.setattr(allowance, "MOST_NEW", MOST_SIBLINGS + 5)
    for _ in range(2):
        execute(SAME_HOUR)
        store(caller, *(failure(f"Type{word}Error", "x", stack=[]) for word in words[:10]))
    assert Group.objects.count() == MOST_SIBLINGS + 5 + 1
    others = Group.objects.get(is_overflow=True)
    assert others.title == "other errors of shop"
    assert others.fingerprints.get().events == 12
    assert Allowance.objects.get().alive == Group.objects.count()
    assert sum(Fingerprint.objects.values_list("events", flat=True)) == 60
    assert None not in keys()

    execute(SAME_HOUR)
    assert allowance.count_full() == 0
    execute("UPDATE issues_allowance SET made = 200")
    assert allowance.count_full() == 1
    known = failure(Group.objects.filter(type__startswith="Type")[0].type, "x", stack=[])
    store(caller, failure("NewError", "x", stack=[]), known, failure("Error", "new", stack=["at pay (/a/b.js:1:2)"]))
    assert others.fingerprints.get().events == 13
    star.refresh_from_db()
    assert star.events == 40 - MOST_SIBLINGS + 1
    assert verify() == []


def test_pairs_and_people_and_releases_are_bounded(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    store(caller, *(failure(environment=f"e{n}", metadata={"user_id": f"u{n}"}) for n in range(70)))
    store(caller, *(failure(environment=f"e{n}", metadata={"user_id": f"u{n}"}) for n in range(60, 80)))
    assert Hour.objects.values("environment", "release").distinct().count() == counting.MOST_PAIRS + 1
    assert sum(Hour.objects.filter(environment="…").values_list("events", flat=True)) == 40
    assert sum(Minute.objects.values_list("events", flat=True)) == 90
    assert Fingerprint.objects.get().people == Person.objects.count() == 80
    assert verify() == []


@pytest.mark.parametrize("step", ["resolve", "count"])
def test_grouping_that_fails_keeps_every_entry(caller: Caller, step: str) -> None:
    """A table that cannot be written stands for whatever may fail: the claim is stored at once, without groups."""
    table_name = {"resolve": "issues_group", "count": "issues_minute"}[step]
    with refusing(table_name, sqlstate="22001", when="true", how="BEFORE"):
        store(caller, failure(), {"message": "hello"})
    assert keys() == [None, None]
    assert [one.errors for one in Receipt.objects.all()] == [NOT_GROUPED]
    assert not SpooledBatch.objects.exists()
    assert [breach.found for breach in verify()] == ["1 not grouped yet"]

    regrouping.regroup(budget_seconds=60)
    [fingerprint] = Fingerprint.objects.all()
    assert (keys(), fingerprint.events) == ([fingerprint.key, None], 1)
    assert verify() == []


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE issues_minute SET events = events + 1",
        "DELETE FROM issues_minute",
        "UPDATE issues_minute SET minute = minute - interval '1 day'",
        "UPDATE storage_receipt SET errors = errors + 1",
        "UPDATE storage_entry SET error_key = NULL",
        "UPDATE storage_receipt SET errors = -1",
    ],
)
def test_verification_finds_what_is_counted_wrongly(caller: Caller, corruption: str) -> None:
    store(caller, failure(), {"message": "hello"})
    assert verify() == []
    execute(corruption)
    assert {breach.check for breach in verify()} == {"errors"}


def test_drains_of_the_same_groups_neither_wait_crosswise_nor_lose_a_count(make_caller: Callable[..., Caller]) -> None:
    callers = [make_caller() for _ in range(3)]
    types = [f"Kind{letter}{other}Error" for letter in "abcdefghij" for other in "abcdefghij"]
    before = deadlocks()
    for caller in callers * 8:
        send(caller, *(failure(name, "x", stack=[], metadata={"user_id": name}) for name in types))

    def work() -> None:
        try:
            while claim := claims.claim(at_most_batches=2):
                _drain(claim)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert deadlocks() == before
    assert set(Fingerprint.objects.values_list("events", flat=True)) == {8}
    assert Fingerprint.objects.count() == 300
    assert verify() == []


def rows_looked_at(statement: str, parameters: Any) -> int:
    """Run a statement; return how many rows its plan's parts gave each other, or threw away."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
        [[[explained]]] = cursor.fetchall()
    parts = [explained["Plan"]]
    for part in parts:
        parts += part.get("Plans", [])
    thrown = ("Rows Removed by Filter", "Rows Removed by Join Filter")
    return sum(
        round(part["Actual Loops"] * (part["Actual Rows"] + sum(part.get(name, 0) for name in thrown)))
        for part in parts
    )


def test_pairs_and_releases_beyond_the_limits_cost_the_same_each(caller: Caller) -> None:
    """Nobody else's errors wait while what is kept of one organisation is counted again for each of its own."""
    owner, now, kept, come = (
        caller.organisation_id,
        datetime.now(UTC).replace(minute=0, second=0, microsecond=0),
        50,
        1_000,
    )
    execute(
        "INSERT INTO issues_hour SELECT %s, key, %s, 'e' || pair, '', 40, 1"
        " FROM generate_series(1, 100) AS key, generate_series(1, %s) AS pair",
        [owner, now, kept],
    )
    execute(
        "INSERT INTO issues_release SELECT %s, 'shop', 'r' || n, now() FROM generate_series(1, %s) AS n",
        [owner, counting.MOST_RELEASES],
    )
    execute("ANALYZE issues_hour, issues_release")
    minutes = list(zip(*((owner, 1 + n % 100, now, f"x{n}", "", 40, 1) for n in range(come)), strict=True))
    parameters: dict[str, Any] = {f"minutes_{place}": list(column) for place, column in enumerate(minutes)}
    parameters |= {f"people_{place}": [] for place in range(4)}
    assert rows_looked_at(counting.COUNT_APART, parameters) < 20 * (come + 100 * kept)
    assert sum(Hour.objects.filter(environment="…").values_list("events", flat=True)) == come

    many = counting.MOST_RELEASES + 100
    for project, there in (("shop", 1), ("web", 2)):
        releases = [[owner] * many, [project] * many, [f"new{n}" for n in range(many)], [now] * many]
        assert rows_looked_at(counting.SEE_RELEASES, releases) < 20 * (many + counting.MOST_RELEASES)
        assert Release.objects.count() == there * counting.MOST_RELEASES
