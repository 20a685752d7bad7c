"""An edge's side: forwarded until the core says kept, forgotten then, and bytes borrowed before they are charged."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from msgspec import json

from accounts.caller import Caller
from edges.forwarding import Forwarder
from foundation import faults
from foundation.core_link import CoreLink, LinkError, fault_in_url
from foundation.postgres import current_time
from foundation.refusals import Refusal
from ingest.models import DeadLetter, DrainClaim, ForgottenBatch, SpooledBatch
from ingest.spool import claims, drain, forgotten, group_commit, table
from quotas import borrowed, borrowing, outcomes, reports
from quotas.models import Borrowed, HourlyUsage, MonthlyUsage, OutcomeReport
from tests.edges import at_an_edge
from tests.fakes.core import Core, kept, lost, says
from tests.integration.spool_rows import part_of
from tests.waiting import DEADLINE_SECONDS

MakeCaller = Callable[..., Caller]


@pytest.fixture
def at(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """Be an edge of a core: what it said stands, and the link is patient, for as long as a busy machine may take."""
    monkeypatch.setattr(borrowing, "WORD_SECONDS", 600.0)
    monkeypatch.setattr(borrowing._link, "_seconds", DEADLINE_SECONDS)
    with at_an_edge(settings, tmp_path) as server:
        yield server


@pytest.fixture
def link() -> Iterator[CoreLink]:
    """The link of the process of that name."""
    opened = CoreLink()
    yield opened
    opened.close()


@pytest.fixture
def caller(make_caller: MakeCaller) -> Caller:
    """A caller of whom no byte is the edge's own."""
    return make_caller(monthly_bytes=0)


def spool(caller: Caller, *messages: str) -> list[int]:
    """Keep a batch a message; it was paid for.

    PostgreSQL's clock stands still in a test's transaction. What was kept since may be of a later slot, which only a
    sweep takes.
    """
    claims.frontier.distrust()
    MonthlyUsage.objects.update_or_create(
        organisation_id=caller.organisation_id, period=current_time().date().replace(day=1),
        defaults={"lent_bytes": -(10**9)},
    )  # fmt: skip
    for message in messages:
        table.accept(caller, [part_of(message)])
    return list(SpooledBatch.objects.order_by("batch_id").values_list("batch_id", flat=True))


@pytest.mark.django_db
def test_what_the_core_keeps_is_forgotten_and_the_next_request_says_so(
    at: Core, caller: Caller, link: CoreLink
) -> None:
    ids = spool(caller, "a", "b")
    forwarder = Forwarder(link)
    assert [forwarder.forward() for _ in range(3)] == [2, 0, 0]

    (first, batches), (second, none) = at.asked()
    assert at.tokens == ["Bearer le_" + "0" * 48] * 2
    assert ([one.head.edge_batch_id for one in batches], none) == (ids, [])
    assert (first.forgotten, second.forgotten) == ([], ids)
    assert (first.number, first.floor, second.number, second.floor) == (1, 1, 2, 2)
    assert not SpooledBatch.objects.exists()
    assert table.where_any(ids) == set(ids)  # for who has lost the answer to its COMMIT
    ForgottenBatch.objects.update(forgotten_at="2026-01-01T00:00:00Z")
    assert forgotten.clear() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [lost, says(503), says(500), says(401), says(403), says(200, {"kept": "all"})])
def test_without_a_good_answer_everything_stays_and_is_sent_again_by_a_higher_number(
    at: Core, caller: Caller, link: CoreLink, answer: Any
) -> None:
    ids = spool(caller, "a", "b")
    at.answers = [answer, kept]
    forwarder = Forwarder(link)
    with pytest.raises(LinkError):
        forwarder.forward()
    assert set(SpooledBatch.objects.values_list("batch_id", "attempts")) == {(one, 0) for one in ids}
    assert not DrainClaim.objects.exists()

    assert forwarder.forward() == 2
    assert [opening.number for opening, _ in at.asked()] == [1, 2]
    assert at.asked()[0][1] == at.asked()[1][1]


@pytest.mark.django_db
def test_an_edge_that_dies_before_it_forgets_sends_again(
    at: Core, caller: Caller, link: CoreLink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spool(caller, "a")
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(faults, "_rules", faults.read_rules("before_forgetting=bug:n1"))
    forwarder = Forwarder(link)
    with pytest.raises(faults.InjectedError):
        forwarder.forward()
    assert SpooledBatch.objects.count() == 1
    DrainClaim.objects.update(claimed_at="2026-01-01T00:00:00Z")  # a claim that nobody holds any more
    claims.frontier.distrust()  # as whoever begins anew

    assert forwarder.forward() == 1
    assert not SpooledBatch.objects.exists()
    assert not DrainClaim.objects.exists()


@pytest.mark.django_db
def test_a_number_that_comes_too_late_is_made_up_for(at: Core, caller: Caller, link: CoreLink) -> None:
    spool(caller, "a")
    at.answers = [says(409, {"code": "stale_request", "floor": 41}), kept]
    forwarder = Forwarder(link)
    with pytest.raises(LinkError):
        forwarder.forward()
    assert forwarder.forward() == 1
    assert at.asked()[1][0].number == 42


@pytest.mark.django_db
def test_what_the_core_refuses_or_cannot_read_is_a_dead_letter_and_blocks_nobody(
    at: Core, caller: Caller, link: CoreLink
) -> None:
    [refused] = spool(caller, "refused")
    at.answers = [says(200, {"kept": [], "refused": [{"edge_batch_id": refused, "reason": "why"}], "floor": 1}), kept]
    forwarder = Forwarder(link)
    assert forwarder.forward() == 1
    ids = spool(caller, "bad", "good")
    at.answers = [says(400), says(400), kept]
    for _ in range(2):
        with pytest.raises(LinkError):
            forwarder.forward()
    assert forwarder.forward() == 1

    letters = dict(DeadLetter.objects.values_list("batch_id", "reason"))
    assert letters == {refused: "refused by the core: why", ids[0]: "the core cannot read it"}
    assert set(ForgottenBatch.objects.values_list("batch_id", flat=True)) == {ids[1]}


@pytest.mark.django_db
def test_an_edge_stores_nothing_itself(at: Core, caller: Caller) -> None:
    spool(caller, "a")
    assert drain.drain() == 0
    assert SpooledBatch.objects.count() == 1
    with pytest.raises(CommandError, match="edge itself"):
        call_command("create_edge", "fra1")
    with pytest.raises(CommandError, match="an edge"):
        call_command("verify_ledger")


def lends(lent: int, **more: Any) -> Any:
    """Return what lends so much in all to each who asks."""

    def answer(body: bytes) -> tuple[int, Any]:
        loans = [
            {"lent_bytes": max(lent, one["wanted_bytes"] if not lent else 0), "returned_bytes": one["returned_bytes"]}
            | {"organisation_id": one["organisation_id"], "period": one["period"], "limit_bytes": 10**6}
            | {"used_bytes": 5, "may_come_back": False, "is_called_back": False}
            | more
            for one in json.decode(body)["asks"]
        ]
        return 200, {"loans": loans, "is_retiring": False, "resets_at": "2026-02-01T00:00:00Z"}

    return answer


@pytest.mark.django_db
@pytest.mark.parametrize("accept", [table.accept, group_commit.accept])
def test_bytes_are_borrowed_for_the_batch_that_needs_them_and_charged_exactly(
    at: Core, caller: Caller, accept: Any
) -> None:
    part = part_of("hello")
    at.answers = [lends(2 * part.size_bytes), lends(2 * part.size_bytes)]
    accept(caller, [part])
    accept(caller, [part])
    assert len(at.bodies) == 1
    with pytest.raises(Refusal) as refused:
        accept(caller, [part])
    assert (refused.value.code, refused.value.members["used"]) == ("quota_exhausted", 5)
    assert len(at.bodies) == 2
    month = MonthlyUsage.objects.get()
    assert (month.used_bytes, month.lent_bytes) == (2 * part.size_bytes, -2 * part.size_bytes)
    assert borrowed.unspent_bytes() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "code"),
    [(lost, "storage_unavailable"), (says(503), "storage_unavailable"), (lends(1, may_come_back=True), "overloaded")],
)
def test_a_spent_loan_is_no_spent_quota_unless_the_core_says_so(
    at: Core, caller: Caller, answer: Any, code: str
) -> None:
    at.answers = [answer]
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            table.accept(caller, [part_of("hello")])
        assert refused.value.code == code
    assert len(at.bodies) == 1  # nobody asks again at once
    assert not SpooledBatch.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["idle", "called back", "another month"])
def test_what_nobody_uses_is_taken_off_before_the_core_is_told(
    at: Core, caller: Caller, link: CoreLink, why: str
) -> None:
    part = part_of("hello")
    at.answers = [lends(10_000)]
    table.accept(caller, [part])
    borrowing.sync(link, {})
    assert Borrowed.objects.get().returned_bytes == 0
    if why == "idle":
        Borrowed.objects.update(used_at="2026-01-01T00:00:00Z")
    if why == "called back":
        at.answers = [lends(10_000, is_called_back=True)]
    if why == "another month":
        Borrowed.objects.update(period="2026-01-01")
        MonthlyUsage.objects.update(period="2026-01-01")

    borrowing.sync(link, {})
    borrowed, month = Borrowed.objects.get(), MonthlyUsage.objects.get()
    assert borrowed.returned_bytes == 10_000 - part.size_bytes
    assert month.lent_bytes == -month.used_bytes
    assert borrowed.is_told
    told = [json.decode(body)["asks"] for body in at.bodies]
    assert told[-1][0]["returned_bytes"] == borrowed.returned_bytes
    borrowing.sync(link, {})
    assert json.decode(at.bodies[-1])["asks"] == []


@pytest.mark.parametrize(
    ("url", "is_development", "is_good"),
    [
        ("https://core.example.com", False, True),
        ("https://core.example.com:8443/luminalog", False, True),
        ("http://127.0.0.1:8000", True, True),
        ("http://[::1]:8000", True, True),
        ("http://127.0.0.1:8000", False, False),
        ("http://core.example.com", True, False),
        ("http://10.0.0.1", True, False),
        ("ftp://core.example.com", True, False),
        ("https://user@core.example.com", True, False),
        ("core.example.com", True, False),
    ],
)
def test_plain_http_to_a_core_is_for_development_on_this_machine(url: str, is_development: bool, is_good: bool) -> None:
    assert (not fault_in_url(url, is_development=is_development)) == is_good


@pytest.mark.django_db(transaction=True)
def test_what_an_edge_refuses_waits_until_the_core_has_it(at: Core, caller: Caller, link: CoreLink) -> None:
    outcomes.flush()
    OutcomeReport.objects.all().delete()
    outcomes.note(caller, "rate_limited", requests=2)
    outcomes.flush()
    assert not HourlyUsage.objects.exists()
    at.answers = [says(503)]
    with pytest.raises(LinkError):
        reports.send(link)
    at.answers = [says(200)]
    assert [reports.send(link), reports.send(link)] == [1, 0]
    first, again = [json.decode(body)["reports"] for body in at.bodies]
    assert first == again
    assert first[0]["counts"][0][1:5] == [caller.organisation_id, caller.api_key_id, "rate_limited", 2]

    outcomes.note(caller, "rate_limited")
    outcomes.flush()
    OutcomeReport.objects.update(written_at="2026-01-01T00:00:00Z")
    assert reports.forget() == 1  # the core does not remember for so long


@pytest.mark.django_db
def test_who_sends_at_a_months_end_is_lent_of_the_next_one_before_it_begins(
    at: Core, caller: Caller, make_caller: MakeCaller, link: CoreLink
) -> None:
    part = part_of("hello")
    at.answers = [lends(10 * part.size_bytes)]
    for one in (caller, idle := make_caller(monthly_bytes=0)):
        table.accept(one, [part])
    this = current_time().replace(day=1, hour=0, minute=0)
    following = (this + timedelta(days=32)).replace(day=1)
    at.answers = [lends(0)]
    borrowing.sync(link, {}, clock=lambda: following - timedelta(hours=2))
    assert {loan.period for loan in Borrowed.objects.all()} == {this.date()}
    Borrowed.objects.filter(organisation_id=idle.organisation_id).update(used_at="2026-01-01T00:00:00Z")

    for _ in range(2):
        borrowing.sync(link, {}, clock=lambda: following - timedelta(minutes=30))
    ahead = Borrowed.objects.get(period=following.date())
    assert (ahead.organisation_id, ahead.lent_bytes) == (caller.organisation_id, borrowing.LEAST_BYTES)
    assert ahead.returned_bytes == 0  # it lies idle for a good reason
