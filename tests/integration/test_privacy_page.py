"""The page of an organisation's privacy rules: changed, tried out, and what they have found."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from auditlog.models import LogEntry as Audit
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import AccessRecord, Organisation, User
from privacy.models import Policy, Rule
from privacy.policies import rules_now
from privacy.scrubbing import Scrubber
from quotas import ledger
from tests.entries import store_entry
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])
SAMPLE = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "EMP-1234 wrote to bob@example.com"}


@pytest.fixture
def organisation() -> Organisation:
    return make_organisation("acme")


def page_of(organisation: Organisation, rest: str = "change/") -> str:
    return f"/admin/privacy/policy/{organisation.pk}/{rest}"


def form(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "on", "secrets": "mask", "money": "mask", "identity": "mask", "contact": "hash", "network": "keep",
        "own": "mask", "safe_fields": "", "sensitive_fields": "",
        "own_rules-TOTAL_FORMS": "1", "own_rules-INITIAL_FORMS": "0", "own_rules-0-name": "", "own_rules-0-pattern": "",
    } | changes  # fmt: skip


OWN = {"own_rules-0-name": "employee", "own_rules-0-pattern": r"EMP-\d{4}"}


def staff_with(*permissions: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_rules_are_made_on_the_page_of_an_organisation_that_had_none(
    admin_client: Client, organisation: Organisation
) -> None:
    assert b"Privacy" in admin_client.get(f"/admin/accounts/organisation/{organisation.pk}/change/").content
    assert admin_client.get(page_of(organisation)).status_code == 200
    changed = form(contact="mask", safe_fields="metadata.a\r\n\r\n metadata.b.*", **OWN)
    assert admin_client.post(page_of(organisation), changed).status_code == 302
    policy = Policy.objects.get()
    assert (policy.contact, policy.safe_fields) == ("mask", ["metadata.a", "metadata.b.*"])
    assert Rule.objects.get().pattern == r"EMP-\d{4}"
    assert {entry.content_type.model for entry in Audit.objects.filter(content_type__app_label="privacy")} == {
        "policy",
        "rule",
    }
    assert admin_client.get("/admin/privacy/policy/").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"own_rules-0-name": "employee", "own_rules-0-pattern": "("},
        {"own_rules-0-name": "Employee", "own_rules-0-pattern": "x"},
        {"safe_fields": "trace_id"},
        {"secrets": "keep"},
    ],
)
def test_what_cannot_work_is_refused_with_words(
    admin_client: Client, organisation: Organisation, wrong: dict[str, str]
) -> None:
    saved = admin_client.post(page_of(organisation), form(**wrong))
    tried = admin_client.post(page_of(organisation, "change/try/"), form(**wrong))
    assert b"errorlist" in saved.content
    assert b"Correct this first" in tried.content
    assert not Policy.objects.exists()


def test_unsaved_rules_are_tried_on_an_entry_and_on_the_newest(
    admin_client: Client, organisation: Organisation
) -> None:
    store_entry(organisation_id=organisation.pk, timestamp=timezone.now(), message="EMP-9999 left")
    store_entry(organisation_id=organisation.pk, timestamp=timezone.now(), message="hello")
    sent = form(sample=json.dumps(SAMPLE), **OWN)
    response = admin_client.post(page_of(organisation, "change/try/"), sent)
    tried, preview = response.context["tried"], response.context["preview"]
    assert "[own.employee] wrote to [email:" in tried.after
    assert "bob@example.com" in tried.before
    assert [(one.field, one.detector, one.action) for one in tried.findings] == [
        ("message", "own.employee", "mask"),
        ("message", "email", "hash"),
    ]
    assert (preview.entries, preview.changed) == (2, [("own.employee", 1)])
    assert "no-store" in response.headers["Cache-Control"]
    assert not Policy.objects.exists()


def test_pasted_text_is_a_message_and_a_wrong_entry_is_told(admin_client: Client, organisation: Organisation) -> None:
    for sample, expected in (
        ("of bob@example.com", "of [email:"),
        ('{"message": "x"}', "timestamp"),
        ("{broken", "JSON"),
        ("x" * 100_001, "100,000"),
    ):
        response = admin_client.post(page_of(organisation, "change/try/"), form(sample=sample))
        tried = response.context["tried"]
        assert expected in (tried.after or tried.complaint), sample


def test_value_is_found_by_its_hash_and_is_in_no_address(admin_client: Client, organisation: Organisation) -> None:
    response = admin_client.post(page_of(organisation, "find/"), {"value": "Bob@Example.com"})
    address = urlsplit(response.headers["Location"])
    expected, _ = Scrubber(rules_now(organisation.pk)).scrub_text("bob@example.com")
    assert parse_qs(address.query) == {"organisation": ["acme"], "query": [f'"{expected}"']}
    assert admin_client.post(page_of(organisation, "find/"), {"value": "hello"}).headers["Location"] == page_of(
        organisation
    )
    assert not AccessRecord.objects.exists()


def test_new_salt_is_made_after_a_question(admin_client: Client, organisation: Organisation) -> None:
    before = rules_now(organisation.pk).hash_key
    assert b"another hash" in admin_client.get(page_of(organisation, "new-salt/")).content
    admin_client.post(page_of(organisation, "new-salt/"), {})
    assert rules_now(organisation.pk).hash_key != before


def test_page_shows_what_was_found(admin_client: Client, organisation: Organisation) -> None:
    api_key, _ = make_api_key(organisation)
    now = timezone.now()
    ledger.count(
        ledger.UsageRow(now, organisation.pk, api_key.pk, outcome, 0, 3, 0)
        for outcome in ("scrubbed.email", "reported.card", "withheld")
    )
    [(_, found)] = admin_client.get(page_of(organisation)).context["found"]
    assert found == [("email", 3, "replaced"), ("card", 3, "reported"), ("entry", 3, "withheld")]


@pytest.mark.parametrize(
    ("permissions", "answers"),
    [
        ((), (403, 403, 403, 403)),
        (("view_policy",), (200, 403, 403, 403)),
        (("view_policy", "change_policy"), (200, 200, 403, 200)),
        (("view_policy", "view_logs"), (200, 403, 302, 403)),
    ],
)
def test_each_step_takes_its_permission(
    organisation: Organisation, permissions: tuple[str, ...], answers: tuple[int, ...]
) -> None:
    client = staff_with(*permissions)
    assert (
        client.get(page_of(organisation)).status_code,
        client.post(page_of(organisation, "change/try/"), form()).status_code,
        client.post(page_of(organisation, "find/"), {"value": "bob@example.com"}).status_code,
        client.get(page_of(organisation, "new-salt/")).status_code,
    ) == answers


@pytest.mark.parametrize("number", ["0", "999999", "x", "9" * 30])
def test_page_of_no_organisation_is_not_there(admin_client: Client, number: str) -> None:
    assert admin_client.get(f"/admin/privacy/policy/{number}/change/").status_code == 302
    assert admin_client.get(f"/admin/privacy/policy/{number}/new-salt/").status_code == 404
