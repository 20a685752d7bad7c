"""The byte quota and the hourly rows, on real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, Organisation, Project
from foundation.expiring import Expiring
from foundation.postgres import fetch_one
from quotas import ledger
from quotas.models import HourlyUsage, MonthlyUsage, Plan, Quota
from quotas.plans import subscribe


def make_organisation(*, monthly_bytes: int = 1000, slug: str = "acme") -> Organisation:
    plan = Plan.objects.create(
        name=slug, slug=slug, requests_per_minute=60, monthly_bytes=monthly_bytes, retention_days=7
    )
    organisation = Organisation.objects.create(name=slug, slug=slug)
    subscribe(organisation, plan)
    return organisation


def make_key(organisation: Organisation) -> ApiKey:
    project = Project.objects.create(organisation=organisation, name="shop", slug="shop")
    return ApiKey.objects.create(organisation=organisation, project=project, name="web", sha256=b"\x01" * 32)


def charge(organisation_id: int, size_bytes: int) -> bool:
    parameters = {"organisation_id": organisation_id, "size_bytes": size_bytes, "entries": 1}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ledger.CHARGE, parameters)
        return cursor.fetchone() is not None


@pytest.mark.django_db
def test_the_last_byte_may_be_used_and_no_more() -> None:
    organisation = make_organisation(monthly_bytes=100)
    ledger.open_month(organisation.pk)

    assert charge(organisation.pk, 60)
    assert not charge(organisation.pk, 41)
    assert charge(organisation.pk, 40)
    assert not charge(organisation.pk, 1)
    assert MonthlyUsage.objects.get().used_bytes == 100


@pytest.mark.django_db
def test_opening_a_month_twice_keeps_what_was_used() -> None:
    organisation = make_organisation()
    ledger.open_month(organisation.pk)
    charge(organisation.pk, 10)
    ledger.open_month(organisation.pk)
    assert MonthlyUsage.objects.get().used_bytes == 10


@pytest.mark.django_db
def test_a_month_that_is_not_open_takes_no_charge() -> None:
    assert not charge(make_organisation().pk, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("begins_in_hours", "ends_in_hours", "in_force"),
    [(None, None, True), (-1, 1, True), (1, 2, False), (-2, -1, False), (None, -1, False), (-1, None, True)],
)
def test_an_override_acts_between_its_times_only(
    begins_in_hours: int | None, ends_in_hours: int | None, in_force: bool
) -> None:
    organisation = make_organisation(monthly_bytes=100)
    ledger.open_month(organisation.pk)
    now = timezone.now()
    Quota.objects.filter(organisation=organisation).update(
        monthly_bytes=200,
        overrides_from=begins_in_hours and now + timedelta(hours=begins_in_hours),
        overrides_until=ends_in_hours and now + timedelta(hours=ends_in_hours),
    )
    assert charge(organisation.pk, 150) is in_force


@pytest.mark.django_db
def test_a_spent_quota_says_how_much_and_until_when() -> None:
    organisation = make_organisation(monthly_bytes=100)
    ledger.open_month(organisation.pk)
    charge(organisation.pk, 90)

    error = ledger.exhausted(organisation.pk)

    row = fetch_one("SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::text", [])
    assert row
    ends_at = datetime.fromisoformat(row[0]).replace(tzinfo=UTC)
    assert (error.code, error.status) == ("quota_exhausted", 429)
    assert error.members == {
        "scope": "organisation",
        "limit": 100,
        "used": 90,
        "resets_at": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert int(error.headers["Retry-After"]) == max(1, ledger.seconds_left())  # by the transaction's clock


@pytest.mark.django_db
def test_a_spent_quota_is_remembered_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(ledger, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(ledger, "_exhausted", Expiring(capacity=10, clock=lambda: now[0]))
    organisation = make_organisation(monthly_bytes=100)
    ledger.open_month(organisation.pk)
    charge(organisation.pk, 90)
    assert ledger.remembered_refusal(organisation.pk) is None
    assert not ledger.has_no_room(organisation.pk, 11)

    said = ledger.exhausted(organisation.pk)
    assert (ledger.has_no_room(organisation.pk, 10), ledger.has_no_room(organisation.pk, 11)) == (False, True)
    again = ledger.remembered_refusal(organisation.pk)
    assert again
    assert (again.detail, again.members, again.headers) == (said.detail, said.members, said.headers)

    now[0] = 2 * ledger.REFUSAL_SECONDS
    assert not ledger.has_no_room(organisation.pk, 11)


@pytest.mark.django_db
def test_an_organisation_without_usage_can_be_told_its_balance() -> None:
    assert ledger.balance(make_organisation(monthly_bytes=5).pk)[:3] == (5, 0, 0)


@pytest.mark.django_db
def test_usage_rows_are_added_up_by_hour_key_and_outcome() -> None:
    organisation = make_organisation()
    api_key = make_key(organisation)
    hour = datetime(2026, 3, 1, 13, tzinfo=UTC)
    rows = [
        ledger.UsageRow(hour + timedelta(minutes=5), organisation.pk, api_key.pk, "accepted", 1, 10, 1000),
        ledger.UsageRow(hour + timedelta(minutes=50), organisation.pk, api_key.pk, "accepted", 2, 20, 2000),
        ledger.UsageRow(hour, organisation.pk, api_key.pk, "rate_limited", 1, 0, 0),
        ledger.UsageRow(hour, organisation.pk, api_key.pk + 99, "accepted", 1, 1, 1),
    ]
    ledger.count(rows)
    ledger.count(rows)
    ledger.count([])
    assert list(
        HourlyUsage.objects.order_by("outcome").values_list("hour", "outcome", "requests", "entries", "bytes")
    ) == [(hour, "accepted", 6, 60, 6000), (hour, "rate_limited", 2, 0, 0)]


@pytest.mark.django_db(transaction=True)
def test_an_organisation_made_without_a_plan_gets_the_smallest() -> None:
    Plan.objects.create(name="L", slug="l", requests_per_minute=9, monthly_bytes=10**12, retention_days=1)
    Plan.objects.create(name="S", slug="s", requests_per_minute=9, monthly_bytes=0, retention_days=1)
    organisation = Organisation.objects.create(name="acme", slug="acme")
    assert organisation.quota.plan.slug == "s"


@pytest.mark.django_db(transaction=True)
def test_an_organisation_may_choose_its_plan_in_the_same_transaction() -> None:
    with transaction.atomic():
        organisation = make_organisation(slug="chosen")
    assert Quota.objects.get(organisation=organisation).plan.slug == "chosen"


@pytest.mark.django_db(transaction=True)
def test_parallel_charges_at_the_edge_never_exceed_the_quota() -> None:
    organisation = make_organisation(monthly_bytes=100)

    def attempt(_: int) -> bool:
        try:
            return charge(organisation.pk, 10)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        for _ in range(20):
            MonthlyUsage.objects.all().delete()
            ledger.open_month(organisation.pk)
            assert sum(threads.map(attempt, range(50))) == 10
            assert MonthlyUsage.objects.get().used_bytes == 100
