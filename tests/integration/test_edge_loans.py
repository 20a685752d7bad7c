"""Loans on real PostgreSQL: asked for, given back, called back, ended; and what is lent is nobody else's to charge."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from accounts.caller import Caller
from accounts.models import Organisation
from edges import life
from foundation.refusals import Refusal
from ingest.spool import table
from operations import verification
from quotas import lending
from quotas.loans import standings
from quotas.models import Loan, MonthlyUsage
from tests.edges import Sender
from tests.integration.spool_rows import part_of

MakeCaller = Callable[..., Caller]


def loans(answer: Any) -> list[int]:
    return [one["lent_bytes"] for one in answer.json()["loans"]]


def ask(caller: Caller, needed: int, **more: Any) -> dict[str, Any]:
    return {"organisation_id": caller.organisation_id, "wanted_bytes": needed, "needed_bytes": needed} | more


@pytest.mark.django_db
def test_what_is_lent_is_not_the_cores_to_charge_and_is_called_back(make_caller: MakeCaller) -> None:
    part = part_of("hello")
    caller = make_caller(monthly_bytes=10 * part.size_bytes)
    sender = Sender(caller)
    assert loans(sender.ask(ask(caller, 10 * part.size_bytes))) == [10 * part.size_bytes]

    with pytest.raises(Refusal) as refused:
        table.accept(caller, [part])
    assert (refused.value.code, refused.value.headers) == ("overloaded", {"Retry-After": "5"})
    told = sender.ask(ask(caller, 10 * part.size_bytes)).json()["loans"][0]
    assert told["is_called_back"]

    sender.ask(ask(caller, 0, returned_bytes=10 * part.size_bytes))
    table.accept(caller, [part])
    month = MonthlyUsage.objects.get()
    assert (month.used_bytes, month.lent_bytes) == (part.size_bytes, 0)


@pytest.mark.django_db
def test_a_quota_is_spent_only_when_nobody_who_is_there_holds_any_of_it(make_caller: MakeCaller) -> None:
    part = part_of("hello")
    caller = make_caller(monthly_bytes=part.size_bytes)
    one, two = Sender(caller), Sender(caller)
    one.ask(ask(caller, part.size_bytes))
    assert two.ask(ask(caller, part.size_bytes)).json()["loans"][0]["may_come_back"]

    Loan.objects.update(heard_at="2026-01-01T00:00:00Z")  # the edge that holds it is away
    assert not two.ask(ask(caller, part.size_bytes)).json()["loans"][0]["may_come_back"]
    with pytest.raises(Refusal) as refused:
        table.accept(caller, [part])
    assert refused.value.code == "quota_exhausted"


@pytest.mark.django_db
def test_strangers_other_months_and_retiring_edges_are_lent_nothing(make_caller: MakeCaller) -> None:
    caller, stranger = make_caller(), make_caller()
    sender = Sender(caller)
    assert loans(sender.ask(ask(stranger, 10), ask(caller, 10, period="2020-01-01"))) == [0]
    assert loans(sender.ask({"organisation_id": 10**9, "wanted_bytes": 1})) == []
    assert not MonthlyUsage.objects.filter(period="2020-01-01").exists()
    assert loans(sender.ask(ask(caller, 10))) == [10]

    life.begin_to_retire(sender.edge.pk)
    answer = sender.ask(ask(caller, 20))
    assert (loans(answer), answer.json()["is_retiring"]) == ([10], True)


@pytest.mark.django_db
def test_ending_a_lost_edge_frees_what_it_has_not_settled(make_caller: MakeCaller) -> None:
    caller = make_caller()
    lost, other = Sender(caller), Sender(caller)
    batch = lost.carried(caller)
    lost.ask(ask(caller, 1000))
    other.ask(ask(caller, 500))
    lost.forward(batch)

    assert life.revoke(lost.edge.pk, reason="lost")
    month = MonthlyUsage.objects.get()
    assert (month.used_bytes, month.lent_bytes) == (batch.head.size_bytes, 500)
    assert [one.unspent_bytes for one in standings()] == [0, 500]


@pytest.mark.django_db
def test_an_edge_has_retired_when_it_has_said_late_enough_that_nothing_is_left(make_caller: MakeCaller) -> None:
    caller = make_caller()
    sender = Sender(caller)
    sender.ask(ask(caller, 100))
    life.begin_to_retire(sender.edge.pk)
    edge = type(sender.edge).objects.filter(pk=sender.edge.pk)

    def is_empty(**told: Any) -> bool:
        edge.update(**told)
        return life.is_empty(edge.get())

    long_ago, now = datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC)
    assert not is_empty(told_at=now)  # a request may be under way there
    assert not is_empty(retiring_at=long_ago, told_at=now)  # it holds something
    sender.ask(ask(caller, 0, returned_bytes=100), waiting_batches=1)
    assert not is_empty()
    sender.ask(waiting_batches=0)
    assert is_empty()


@pytest.mark.django_db(transaction=True)
def test_verification_finds_each_corruption_of_loans_and_pairs(make_caller: MakeCaller, empty_store: None) -> None:
    caller = make_caller()
    sender = Sender(caller)
    sender.ask(ask(caller, 1000))
    sender.forward(sender.carried(caller))
    assert verification.verify() == []

    MonthlyUsage.objects.update(lent_bytes=0)
    assert [one.check for one in verification.verify()] == ["loan"]
    lending.settle(sender.edge.pk, [])
    MonthlyUsage.objects.update(lent_bytes=sum(one.unspent_bytes for one in standings()))
    assert verification.verify() == []

    Loan.objects.update(short_bytes=5)
    assert [one.found for one in verification.verify()] == ["5 bytes more"]
    Loan.objects.update(short_bytes=0)

    table.drop([batch_id for batch_id, _ in _spooled()])
    assert "edge_batch" in [one.check for one in verification.verify()]
    assert Organisation.objects.exists()


def _spooled() -> list[tuple[int, int]]:
    with transaction.atomic():
        return list(table.batches())
