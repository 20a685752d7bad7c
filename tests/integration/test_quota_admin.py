"""The pages of plans, quotas and usage in the admin."""

import math
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.caller import Caller
from accounts.models import ApiKey, Project, User
from quotas import ledger
from quotas.models import MonthlyUsage, Plan, Quota
from tests.organisations import make_api_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def fill_month(caller: Caller, *, days: int = 30, every_hours: int = 1) -> None:
    """Count requests for every hour of the last days, with a rhythm of days."""
    now = timezone.now()
    rows = []
    for hour in range(0, days * 24, every_hours):
        wave = 1 + math.sin(hour / 24 * 2 * math.pi)
        for outcome, share in [("accepted", 100), ("rate_limited", 8), ("invalid_level", 3), ("quota_exhausted", 2)]:
            requests = int(share * wave)
            kept = outcome == "accepted"
            rows.append(
                ledger.UsageRow(
                    now - timedelta(hours=hour), caller.organisation_id, caller.api_key_id, outcome, requests,
                    requests * 50 * kept, requests * 12_000 * kept,
                )
            )  # fmt: skip
    ledger.count(rows)
    ledger.open_month(caller.organisation_id)
    MonthlyUsage.objects.filter(organisation=caller.organisation_id).update(used_bytes=700_000_000, entries=3_500_000)


def quota_of(caller: Caller) -> Quota:
    return Quota.objects.get(organisation_id=caller.organisation_id)


def usage_of(caller: Caller, **parameters: str) -> str:
    slug = quota_of(caller).organisation.slug
    return f"/admin/usage/?{urlencode({'organisation': slug, **parameters})}"


def test_the_usage_page_shows_the_month_the_keys_and_the_outcomes(operator: Client, caller: Caller) -> None:
    fill_month(caller)
    page = operator.get(usage_of(caller))
    text = page.content.decode()
    assert page.status_code == 200
    assert "667.57 MiB" in text
    assert "(65 %)" in text
    assert "rate_limited" in text
    assert "100 %" in text  # the one key's share
    assert '<script id="usage" type="application/json">' in text
    assert " style=" not in text
    assert len(page.context["page"].chart["times"]) == 30 * 24


def test_the_usage_page_of_an_idle_organisation_is_empty_and_whole(operator: Client, caller: Caller) -> None:
    page = operator.get(usage_of(caller, days="7"))
    assert "Nothing was sent." in page.content.decode()
    assert sum(page.context["page"].chart["bytes"]) == 0


def test_a_young_organisation_s_chart_begins_a_day_ago(operator: Client, caller: Caller) -> None:
    now = timezone.now()
    ledger.count([ledger.UsageRow(now, caller.organisation_id, caller.api_key_id, "accepted", 1, 2, 300)])
    page = operator.get(usage_of(caller))
    assert len(page.context["page"].chart["times"]) == 24
    assert sum(page.context["page"].chart["bytes"]) == 300
    assert "there is nothing before" in page.content.decode()


def test_usage_is_told_by_project(operator: Client, caller: Caller) -> None:
    first = ApiKey.objects.get(pk=caller.api_key_id)
    other = Project.objects.create(organisation=first.organisation, name="Checkout", slug="checkout")
    others, _ = make_api_key(first.organisation, name="other", project=other)
    again, _ = make_api_key(first.organisation, name="again", project=other)
    sent = [(first, 100), (others, 200), (again, 300)]
    rows = [
        ledger.UsageRow(timezone.now(), caller.organisation_id, key.pk, "accepted", 1, 2, size) for key, size in sent
    ]
    ledger.count(rows)
    projects = operator.get(usage_of(caller)).context["page"].projects
    assert [(line.name, line.usage.accepted.bytes, line.share_percent) for line in projects] == [
        ("Checkout", 500, 83),
        (first.project.name, 100, 16),
    ]


def test_links_of_before_lead_to_the_usage_page(operator: Client, caller: Caller) -> None:
    answer = operator.get(f"/admin/quotas/quota/{quota_of(caller).pk}/usage/?days=7")
    assert answer.headers["Location"] == usage_of(caller, days="7")


def test_an_organisation_without_a_plan_is_told_so(operator: Client, caller: Caller) -> None:
    address = usage_of(caller)
    quota_of(caller).delete()
    assert "has no plan" in operator.get(address).content.decode()


def test_more_usage_costs_no_more_queries(
    operator: Client, caller: Caller, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    fill_month(caller, days=3)
    address = usage_of(caller)
    operator.get(address)
    with django_assert_num_queries(11):  # type: ignore[operator]
        operator.get(address)


def test_the_list_of_quotas_costs_the_same_for_many(
    operator: Client, make_caller: Callable[..., Caller], django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for _ in range(5):
        make_caller()
    operator.get("/admin/quotas/quota/")
    with django_assert_num_queries(5):  # type: ignore[operator]
        page = operator.get("/admin/quotas/quota/")
    assert page.content.decode().count("<meter") == 5


@pytest.mark.parametrize("address", ["/admin/quotas/plan/", "/admin/quotas/plan/add/"])
def test_the_pages_of_plans_open(operator: Client, address: str) -> None:
    assert operator.get(address).status_code == 200


def test_a_size_is_typed_as_people_say_it(operator: Client, caller: Caller) -> None:
    quota = quota_of(caller)
    address = f"/admin/quotas/quota/{quota.pk}/change/"
    form = {"plan": quota.plan_id, "monthly_bytes": "1.5 GiB", "requests_per_minute": "120"}
    assert operator.post(address, form).status_code == 302
    quota.refresh_from_db()
    assert (quota.monthly_bytes, quota.requests_per_minute) == (3 * 2**29, 120)
    assert 'value="1.5 GiB"' in operator.get(address).content.decode()
    assert "Write a size" in operator.post(address, form | {"monthly_bytes": "a lot"}).content.decode()


def test_what_if_shows_the_consequences_and_saves_nothing_before_it_is_told_to(
    operator: Client, caller: Caller
) -> None:
    fill_month(caller)
    quota = quota_of(caller)
    form = {"plan": quota.plan_id, "monthly_bytes": "100 MiB", "requests_per_minute": "1"}
    address = f"/admin/quotas/quota/{quota.pk}/change/"
    assert "what-if/" in operator.get(address).content.decode()

    page = operator.post(address + "what-if/", form)

    ((_, consequence),) = page.context["consequences"]
    assert consequence.refused_requests > 1000
    assert consequence.refused_bytes > 400 * 2**20
    assert "at least" in page.content.decode()
    quota.refresh_from_db()
    assert quota.monthly_bytes is None
    assert 'name="monthly_bytes" value="100 MiB"' in page.content.decode()


def test_what_if_of_a_plan_speaks_of_everybody_on_it(operator: Client, caller: Caller) -> None:
    fill_month(caller)
    plan = quota_of(caller).plan
    form = {
        "name": plan.name, "slug": plan.slug, "requests_per_minute": "1", "monthly_bytes": "1 MiB",
        "retention_days": "7", "recording_days": "30",
    }  # fmt: skip
    page = operator.post(f"/admin/quotas/plan/{plan.pk}/change/what-if/", form)
    ((quota, consequence),) = page.context["consequences"]
    assert quota.organisation_id == caller.organisation_id
    assert consequence.deleted_entries > 0
    assert Plan.objects.get(pk=plan.pk).monthly_bytes == plan.monthly_bytes


def test_what_if_of_a_form_with_an_error_names_it(operator: Client, caller: Caller) -> None:
    quota = quota_of(caller)
    page = operator.post(
        f"/admin/quotas/quota/{quota.pk}/change/what-if/", {"plan": quota.plan_id, "monthly_bytes": "x"}
    )
    assert "Write a size" in page.content.decode()


def test_nobody_adds_or_deletes_a_quota(operator: Client, caller: Caller) -> None:
    assert operator.get("/admin/quotas/quota/add/").status_code == 403
    assert operator.get(f"/admin/quotas/quota/{quota_of(caller).pk}/delete/").status_code == 403


@pytest.mark.parametrize(
    ("permissions", "usage", "what_if"),
    [([], 403, 403), (["view_quota", "view_monthlyusage"], 200, 403), (["view_quota", "change_quota"], 403, 200)],
)
def test_pages_ask_for_their_permissions(caller: Caller, permissions: list[str], usage: int, what_if: int) -> None:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    quota = quota_of(caller)
    assert client.get(usage_of(caller)).status_code == usage
    address = f"/admin/quotas/quota/{quota.pk}/change/what-if/"
    assert client.post(address, {"plan": quota.plan_id}).status_code == what_if
