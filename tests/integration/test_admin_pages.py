"""The admin's pages: what they show, how few queries they cost, and the key that is shown once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.admin.models import LogEntry as RecentAction
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.directory import look_up
from accounts.keys import digest
from accounts.life import rotate
from accounts.models import ApiKey, Organisation, Project, User
from foundation.phrases import ago, count, until
from quotas.models import HourlyUsage, MonthlyUsage, Plan
from quotas.plans import subscribe
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db
KEY = re.compile(r"ll_[0-9a-f]{48}")


@pytest.fixture
def console() -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    user = User.objects.create_superuser("ada", password="x")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.get(reverse("admin:index"))  # warms the cache of content types
    return client


def populate(organisations: int, keys: int) -> Organisation:
    for number in range(organisations):
        organisation = make_organisation(f"org-{number}")
        subscribe(organisation, Plan.objects.get(slug="indie"))
        for key in range(keys):
            api_key, _ = make_api_key(organisation, name=f"key {key}", last_used_at=timezone.now())
            if key % 2:
                rotate(api_key.pk, by=None)
    return organisation


def use(organisation: Organisation, *, used_bytes: int) -> None:
    month = timezone.now().date().replace(day=1)
    MonthlyUsage.objects.update_or_create(
        organisation=organisation, period=month, defaults={"used_bytes": used_bytes, "entries": 5}
    )


def fill_issue_form(project: Project, **fields: Any) -> dict[str, Any]:
    defaults = {"project": project.pk, "name": "web", "environment": "production", "kind": "secret"}
    defaults |= {"scopes": ["ingest", "read"]}
    return {**defaults, "invalid_entries": "strict", "minimum_level": "10", **fields}


def test_key_is_shown_once_and_kept_nowhere(console: Client) -> None:
    project = make_organisation().projects.get()
    response = console.post(reverse("admin:accounts_apikey_add"), fill_issue_form(project))
    assert response.status_code == 200
    secret = KEY.search(response.content.decode())
    assert secret is not None
    assert look_up(digest(secret[0]))
    assert "no-store" in response.headers["Cache-Control"]
    assert secret[0] not in str(response.headers)
    assert secret[0] not in str([session.get_decoded() for session in Session.objects.all()])
    assert secret[0] not in str(console.cookies)
    assert secret[0] not in str(list(RecentAction.objects.values()) + list(LogEntry.objects.values()))
    api_key = ApiKey.objects.get()
    for page in ("change", "history"):
        assert not KEY.search(console.get(reverse(f"admin:accounts_apikey_{page}", args=[api_key.pk])).content.decode())
    assert api_key.created_by == User.objects.get()


def test_rotation_shows_the_successor_once_and_lists_stragglers(console: Client) -> None:
    old, _ = make_api_key()
    response = console.post(reverse("admin:accounts_apikey_rotate", args=[old.pk]), {"grace_hours": "24"})
    assert KEY.search(response.content.decode())
    assert "no-store" in response.headers["Cache-Control"]
    ApiKey.objects.filter(pk=old.pk).update(
        last_used_at=timezone.now() + timedelta(seconds=1), last_used_address="203.0.113.9", last_used_client="curl/8"
    )
    page = console.get(reverse("admin:index")).content.decode()
    assert "203.0.113.9" in page
    assert "curl/8" in console.get(reverse("admin:accounts_apikey_change", args=[old.pk])).content.decode()
    again = console.post(reverse("admin:accounts_apikey_rotate", args=[old.pk]), {"grace_hours": "24"}, follow=True)
    assert "has been rotated already" in again.content.decode()
    assert ApiKey.objects.count() == 2


def test_steps_want_their_reason(console: Client) -> None:
    api_key, _ = make_api_key()
    for name, pk in [("apikey_revoke", api_key.pk), ("organisation_suspend", api_key.organisation_id)]:
        response = console.post(reverse(f"admin:accounts_{name}", args=[pk]), {"reason": "  "})
        assert "This field is required" in response.content.decode()
    assert not ApiKey.objects.exclude(revoked_at=None).exists()


def test_revoked_key_is_history(console: Client) -> None:
    api_key, _ = make_api_key()
    console.post(reverse("admin:accounts_apikey_revoke", args=[api_key.pk]), {"reason": "leaked on a forum"})
    page = console.get(reverse("admin:accounts_apikey_change", args=[api_key.pk])).content.decode()
    assert "leaked on a forum" in page
    assert 'name="_save"' not in page
    assert console.post(reverse("admin:accounts_apikey_change", args=[api_key.pk]), {"name": "x"}).status_code == 403


def test_change_writes_only_what_was_changed(console: Client, django_assert_max_num_queries: Any) -> None:
    api_key, _ = make_api_key()
    form = fill_issue_form(api_key.project, environment="staging")
    with django_assert_max_num_queries(40) as seen:
        assert console.post(reverse("admin:accounts_apikey_change", args=[api_key.pk]), form).status_code == 302
    updates = [q["sql"] for q in seen.captured_queries if q["sql"].startswith('UPDATE "accounts_apikey"')]
    assert len(updates) == 1
    assert updates[0].startswith('UPDATE "accounts_apikey" SET "environment" = \'staging\' WHERE')


def test_changes_are_in_the_audit_trail_with_who_and_from_where(console: Client) -> None:
    api_key, _ = make_api_key()
    form = fill_issue_form(api_key.project, environment="staging")
    address = reverse("admin:accounts_apikey_change", args=[api_key.pk])
    console.post(address, form, headers={"x-forwarded-for": "10.9.9.9"})
    console.post(reverse("admin:accounts_apikey_revoke", args=[api_key.pk]), {"reason": "leaked"})
    revoked, changed = LogEntry.objects.get_for_object(api_key).order_by("-id")[:2]
    assert changed.changes == {"environment": ["production", "staging"]}
    assert revoked.changes["revoked_reason"] == ["", "leaked"]
    for entry in (changed, revoked):
        assert entry.actor is not None
        assert entry.actor.username == "ada"
        assert entry.remote_addr == "192.0.2.7"
        page = console.get(reverse("admin:auditlog_logentry_change", args=[entry.pk])).content.decode()
        assert next(iter(entry.changes)) in page


def test_organisation_is_created_with_its_plan_and_project(console: Client) -> None:
    form = {
        "name": "Acme", "slug": "acme",
        "quota-TOTAL_FORMS": "1", "quota-INITIAL_FORMS": "0", "quota-MIN_NUM_FORMS": "1", "quota-MAX_NUM_FORMS": "1",
        "quota-0-plan": Plan.objects.get(slug="scale").pk,
        "projects-TOTAL_FORMS": "1", "projects-INITIAL_FORMS": "0", "projects-MIN_NUM_FORMS": "0",
        "projects-MAX_NUM_FORMS": "1000", "projects-0-name": "Shop", "projects-0-slug": "shop",
    }  # fmt: skip
    response = console.post(reverse("admin:accounts_organisation_add"), form)
    assert response.status_code == 302, response.context["errors"]
    organisation = Organisation.objects.get()
    assert organisation.quota.plan.slug == "scale"
    assert organisation.projects.get().slug == "shop"


def test_organisation_page_shows_all_there_is(console: Client) -> None:
    organisation = populate(1, 2)
    use(organisation, used_bytes=2**29)
    page = console.get(reverse("admin:accounts_organisation_change", args=[organisation.pk])).content.decode()
    assert "512 MiB of 1 GiB this month (50 %)" in page
    assert page.count("/rotate/") == 2
    assert page.count("/revoke/") == 3
    assert "Suspend" in page


@pytest.mark.parametrize(
    ("page", "queries"),
    [
        ("index", 11),
        ("accounts_organisation_changelist", 5),
        ("accounts_organisation_change", 13),
        ("accounts_project_changelist", 4),
        ("accounts_apikey_changelist", 4),
        ("accounts_apikey_change", 5),
        ("auditlog_logentry_changelist", 5),
    ],
)
def test_pages_cost_a_fixed_number_of_queries(
    page: str, queries: int, console: Client, django_assert_num_queries: Any
) -> None:
    for organisations, keys in [(2, 2), (5, 6)]:
        ApiKey.objects.update(rotated_from=None)
        ApiKey.objects.all().delete()
        Project.objects.all().delete()
        Organisation.objects.all().delete()
        organisation = populate(organisations, keys)
        args = []
        if page.endswith("_change"):
            args = [organisation.pk if "organisation" in page else ApiKey.objects.earliest("id").pk]
        with django_assert_num_queries(queries) as seen:
            assert console.get(reverse(f"admin:{page}", args=args)).status_code == 200
        counts = [q["sql"] for q in seen.captured_queries if "COUNT(*)" in q["sql"] and "ingest_dead" not in q["sql"]]
        assert all("LIMIT 10000" in sql for sql in counts)


@pytest.mark.parametrize("name", ["in_force", "straggling", "expiring", "overdue", "overheard", "expired", "revoked"])
def test_lists_of_keys_are_filtered(name: str, console: Client) -> None:
    organisation = populate(1, 1)
    now = timezone.now()
    make_api_key(organisation, name="revoked", revoked_at=now, revoked_reason="leaked")
    make_api_key(organisation, name="expired", expires_at=now - timedelta(days=1))
    make_api_key(organisation, name="expiring", expires_at=now + timedelta(days=1))
    make_api_key(organisation, name="overheard", seen_over_plain_http_at=now)
    old, _ = make_api_key(organisation, name="overdue")
    ApiKey.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=99))
    straggler, _ = make_api_key(organisation, name="straggling")
    rotate(straggler.pk, by=None)
    ApiKey.objects.filter(pk=straggler.pk).update(last_used_at=now + timedelta(hours=1))
    response = console.get(reverse("admin:accounts_apikey_changelist"), {"standing": name})
    found = {api_key.name for api_key in response.context["cl"].result_list}
    if name == "in_force":
        assert found == {"key 0", "expiring", "overheard", "overdue", "straggling"}
    elif name == "expiring":
        assert found == {"expiring"}
    else:
        assert found == {name}


def test_start_page_shows_what_matters(console: Client) -> None:
    organisation = populate(1, 1)
    api_key = ApiKey.objects.get()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for outcome, requests in [("accepted", 500), ("rate_limited", 1234)]:
        HourlyUsage.objects.create(
            organisation=organisation, api_key=api_key, hour=hour, outcome=outcome, requests=requests
        )
    MonthlyUsage.objects.update_or_create(
        organisation=organisation,
        period=timezone.now().date().replace(day=1),
        defaults={"used_bytes": int(2**30 * 0.9)},
    )
    page = console.get(reverse("admin:index")).content.decode()
    assert "org-0" in page.lower()
    assert "(89 %)" in page
    assert "rate_limited" in page
    assert "1\u202f234" in page
    assert "accepted" not in page
    assert f'href="/admin/usage/?organisation={organisation.slug}&amp;days=1#outcomes"' in page
    assert f"{api_key.prefix}…{api_key.suffix}" in page
    assert "none waits" in page


def test_pages_run_no_inline_script_and_no_foreign_one(console: Client) -> None:
    organisation = populate(1, 1)
    pages = [
        reverse("admin:index"),
        reverse("admin:accounts_organisation_change", args=[organisation.pk]),
        reverse("admin:accounts_apikey_add"),
        reverse("admin:accounts_apikey_changelist"),
        reverse("admin:accounts_apikey_revoke", args=[ApiKey.objects.get().pk]),
        reverse("admin:login"),
    ]
    for page in pages:
        response = console.get(page)
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        html = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html), page
        assert not re.search(r"\son\w+=|<style|\sstyle=", html), page


def test_log_in_is_locked_after_failures() -> None:
    User.objects.create_superuser("ada", password="right horse")
    client = Client(REMOTE_ADDR="192.0.2.9")
    for _ in range(5):
        client.post(reverse("admin:login"), {"username": "ada", "password": "wrong"})
    locked = client.post(reverse("admin:login"), {"username": "ada", "password": "right horse"})
    assert locked.status_code == 429
    assert locked.json()["code"] == "too_many_requests"
    browser = {"accept": "text/html"}
    page = client.post(reverse("admin:login"), {"username": "ada", "password": "right horse"}, headers=browser)
    assert page.status_code == 429
    assert "Try again in 15 minutes." in page.content.decode()
    elsewhere = Client(REMOTE_ADDR="192.0.2.10")
    assert elsewhere.post(reverse("admin:login"), {"username": "ada", "password": "right horse"}).status_code == 302


def test_times_and_numbers_read_well() -> None:
    now = timezone.now()
    assert ago(now) == "just now"
    assert ago(now - timedelta(days=1, hours=3)) == "1 day ago"
    assert until(now + timedelta(hours=2, seconds=30)) == "in 2 hours"
    assert count(1234567) == "1\u202f234\u202f567"
