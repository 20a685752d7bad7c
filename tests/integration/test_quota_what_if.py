"""What other limits would have refused, from the hourly rows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accounts.caller import Caller
from quotas import ledger
from quotas.models import Plan, Quota
from quotas.what_if import Proposal, proposal_of, what_if

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
AMPLE = Proposal(requests_per_minute=1000, burst=1000, monthly_bytes=10**9, retention_days=365)


def use(caller: Caller, *, days_ago: int, requests: int, outcome: str = "accepted", bytes_each: int = 10) -> None:
    kept = requests if outcome == "accepted" else 0
    ledger.count(
        [
            ledger.UsageRow(
                NOW - timedelta(days=days_ago), caller.organisation_id, caller.api_key_id, outcome,
                requests, kept, kept * bytes_each,
            )
        ]
    )  # fmt: skip


@pytest.fixture
def busy(caller: Caller) -> Caller:
    """A hundred requests of one entry an hour, three times this month and twice in February."""
    for days_ago in (0, 5, 15, 25, 40):
        use(caller, days_ago=days_ago, requests=100)
    use(caller, days_ago=5, requests=7, outcome="rate_limited")
    use(caller, days_ago=5, requests=3, outcome="below_level")
    return caller


def test_ample_limits_refuse_nothing(busy: Caller) -> None:
    consequence = what_if(busy.organisation_id, AMPLE, now=NOW)
    assert consequence.is_harmless
    assert (consequence.rate_limited_in_fact, consequence.over_quota_in_fact) == (7, 0)


def test_a_lower_rate_refuses_at_least_what_an_hour_has_no_room_for(busy: Caller) -> None:
    proposal = replace(AMPLE, requests_per_minute=1, burst=10)
    assert what_if(busy.organisation_id, proposal, now=NOW).refused_requests == 3 * 30 + 37


def test_a_smaller_quota_ends_in_the_hour_in_which_it_is_spent(busy: Caller) -> None:
    consequence = what_if(busy.organisation_id, replace(AMPLE, monthly_bytes=1500), now=NOW)
    assert (consequence.refused_bytes, consequence.refused_entries) == (500 + 500 + 1000, 50 + 50 + 100)
    assert consequence.quota_ended_at == (NOW - timedelta(days=25)).replace(minute=0)


def test_each_month_has_a_quota_of_its_own(busy: Caller) -> None:
    assert what_if(busy.organisation_id, replace(AMPLE, monthly_bytes=3000), now=NOW).refused_bytes == 0


def test_a_shorter_retention_deletes_what_is_older(busy: Caller) -> None:
    assert what_if(busy.organisation_id, replace(AMPLE, retention_days=10), now=NOW).deleted_entries == 200


def test_an_organisation_without_usage_loses_nothing(make_caller: Callable[..., Caller]) -> None:
    nothing = Proposal(requests_per_minute=1, burst=1, monthly_bytes=0, retention_days=1)
    assert what_if(make_caller().organisation_id, nothing, now=NOW).is_harmless


def test_a_quotas_overrides_come_before_its_plans_limits() -> None:
    plan = Plan(requests_per_minute=60, burst_requests=90, monthly_bytes=1000, retention_days=7)
    assert proposal_of(Quota(plan=plan)) == Proposal(
        requests_per_minute=60, burst=90, monthly_bytes=1000, retention_days=7
    )
    assert proposal_of(Quota(plan=plan, requests_per_minute=600, monthly_bytes=0, retention_days=1)) == Proposal(
        requests_per_minute=600, burst=600, monthly_bytes=0, retention_days=1
    )
