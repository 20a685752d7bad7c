"""The role matrix: every page and every step of the admin, for everybody who may log in. Nobody raises their rights."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from accounts.models import ApiKey, Organisation, Project, User
from quotas.models import Plan
from quotas.plans import subscribe
from tests import console_pages
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db

ROLES = ["Operators", "Support", "Auditors"]
CONFIGURATION = {"accounts_organisation", "accounts_project", "accounts_apikey", "quotas_plan", "quotas_quota"}
USAGE = {"quotas_monthlyusage", "quotas_hourlyusage"}
KEPT = {
    "notify_notice", "notify_noticechannel", "notify_noticedelivery", "storage_retention", "storage_droppedpartition",
}  # fmt: skip
PIPELINE = {"ingest_spooledbatch", "ingest_deadletter", "storage_receipt", "edges_edge"}
LOGS = {"storage_logentry", "explore_explorer", "explore_savedsearch"}
LOOKS = {"accounts_accessrecord"}
ALERTS = {"alerts_rule", "alerts_silence"}
STAFF = {"accounts_user", "auth_group"}
TRAIL = {"auditlog_logentry"}

MAY_VIEW = {
    "Operators": CONFIGURATION | USAGE | KEPT | PIPELINE | LOGS | TRAIL | ALERTS,
    "Support": CONFIGURATION | USAGE | KEPT,
    "Auditors": CONFIGURATION | USAGE | KEPT | STAFF | TRAIL | LOOKS,
    "nobody": set(),
}
MAY_ADD = {"Operators": CONFIGURATION | ALERTS | {"notify_noticechannel", "edges_edge"}}
#: name of the step → the roles that may take it
STEPS = {
    "accounts_apikey_rotate": {"Operators"},
    "accounts_apikey_revoke": {"Operators", "Support"},
    "accounts_organisation_suspend": {"Operators"},
    "accounts_organisation_resume": {"Operators"},
}


@dataclass(frozen=True)
class House:
    """One row of everything that the admin's addresses need."""

    organisation: Organisation
    project: Project
    api_key: ApiKey


@pytest.fixture
def house() -> House:
    organisation = make_organisation()
    subscribe(organisation, Plan.objects.get(slug="indie"))
    api_key, _ = make_api_key(organisation)
    return House(organisation, organisation.projects.get(), api_key)


def member(role: str) -> User:
    user = User.objects.create_user(role.lower(), password="x", is_staff=True, is_superuser=role == "superuser")
    if role in ROLES:
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(role: str) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(member(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def state() -> tuple[list[Any], list[Any]]:
    """What the steps change."""
    return list(ApiKey.objects.order_by("id").values()), list(Organisation.objects.values())


def registered() -> Iterator[str]:
    for model in console_pages.registered():
        yield f"{model._meta.app_label}_{model._meta.model_name}"


def has_add_page(model_name: str) -> bool:
    try:
        reverse(f"admin:{model_name}_add")
    except NoReverseMatch:
        return False
    return True


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_lists_are_shown_to_their_readers_only(role: str, house: House) -> None:
    client = client_of(role)
    shown = {n for n in registered() if client.get(reverse(f"admin:{n}_changelist"), follow=True).status_code == 200}
    assert shown == MAY_VIEW[role] & set(registered())


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_add_pages_open_for_operators_only(role: str, house: House) -> None:
    client = client_of(role)
    open_pages = {
        n for n in registered() if has_add_page(n) and client.get(reverse(f"admin:{n}_add")).status_code == 200
    }
    posts = {
        n for n in registered() if has_add_page(n) and client.post(reverse(f"admin:{n}_add"), {}).status_code == 200
    }
    assert open_pages == posts
    assert open_pages <= MAY_ADD.get(role, set())
    assert {"accounts_organisation", "accounts_project", "accounts_apikey"} & open_pages == (
        {"accounts_organisation", "accounts_project", "accounts_apikey"} if role == "Operators" else set()
    )


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
@pytest.mark.parametrize("step", STEPS)
def test_steps_are_taken_by_their_roles_only(role: str, step: str, house: House) -> None:
    client = client_of(role)
    row = house.api_key if "apikey" in step else house.organisation
    address = reverse(f"admin:{step}", args=[row.pk])
    expected = 200 if role in STEPS[step] else 403
    assert client.get(address).status_code == expected
    before = (
        ApiKey.objects.count(),
        ApiKey.objects.filter(revoked_at=None).count(),
        list(Organisation.objects.values()),
    )
    if step == "accounts_organisation_resume":
        Organisation.objects.update(status="suspended", suspended_reason="unpaid")
        before = (*before[:2], list(Organisation.objects.values()))
    response = client.post(address, {"reason": "because", "grace_hours": "24"})
    after = (
        ApiKey.objects.count(),
        ApiKey.objects.filter(revoked_at=None).count(),
        list(Organisation.objects.values()),
    )
    if role in STEPS[step]:
        assert response.status_code in (200, 302)
        assert after != before
    else:
        assert response.status_code == 403
        assert after == before


@pytest.mark.parametrize("role", ["Support", "Auditors", "nobody"])
def test_posted_changes_of_readers_are_refused(role: str, house: House) -> None:
    client = client_of(role)
    rows = [
        ("accounts_organisation", house.organisation.pk),
        ("accounts_project", house.project.pk),
        ("accounts_apikey", house.api_key.pk),
        ("accounts_user", User.objects.get(username=role.lower()).pk),
        ("auth_group", Group.objects.get(name="Support").pk),
    ]
    for name, pk in rows:
        assert client.post(reverse(f"admin:{name}_change", args=[pk]), {"name": "hacked"}).status_code == 403, name
    house.organisation.refresh_from_db()
    house.api_key.refresh_from_db()
    assert "hacked" not in (house.organisation.name, house.api_key.name)


@pytest.mark.parametrize("role", [*ROLES, "superuser"])
def test_nothing_is_deleted_here(role: str, house: House) -> None:
    client = client_of(role)
    for name, row in [
        ("accounts_organisation", house.organisation),
        ("accounts_project", house.project),
        ("accounts_apikey", house.api_key),
    ]:
        assert client.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post(reverse(f"admin:{name}_changelist"), bulk)
        assert type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("role", [*ROLES, "superuser"])
def test_audit_trail_is_read_only_for_everybody(role: str, house: House) -> None:
    client = client_of(role)
    entry = LogEntry.objects.latest("id")
    for page, args in [("add", []), ("change", [entry.pk]), ("delete", [entry.pk])]:
        address = reverse(f"admin:auditlog_logentry_{page}", args=args)
        assert client.post(address, {"object_repr": "x", "post": "yes"}).status_code == 403
    assert LogEntry.objects.filter(pk=entry.pk).exists()


@pytest.mark.parametrize("extra", ["change_user", "add_user", "change_group", "delete_user"])
def test_not_even_staff_with_permissions_on_users_raise_rights(extra: str, house: House) -> None:
    user = member("Operators")
    user.user_permissions.add(Permission.objects.get(codename=extra, content_type__app_label__in=["accounts", "auth"]))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    other = User.objects.create_user("other", password="x", is_staff=True)
    raised = {"username": "operators", "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    for address in [
        reverse("admin:accounts_user_change", args=[user.pk]),
        reverse("admin:accounts_user_change", args=[other.pk]),
        reverse("admin:auth_user_password_change", args=[other.pk]),
        reverse("admin:accounts_user_add"),
        reverse("admin:auth_group_change", args=[Group.objects.get(name="Operators").pk]),
        reverse("admin:accounts_user_delete", args=[other.pk]),
    ]:
        assert client.post(address, raised).status_code == 403, address
    user.refresh_from_db()
    assert not user.is_superuser
    assert User.objects.filter(pk=other.pk).exists()


def test_roles_hold_no_permission_to_change_staff() -> None:
    for role in ROLES:
        held = Group.objects.get(name=role).permissions.exclude(codename__startswith="view_")
        held = held.exclude(content_type__app_label="issues")  # groups of errors, and not of staff
        assert not held.filter(content_type__model__in=["user", "group", "permission", "session", "logentry"]).exists()


@pytest.mark.parametrize("role", ["Support", "Auditors", "nobody"])
def test_no_page_of_readers_holds_a_hash(role: str, house: House) -> None:
    client = client_of(role)
    pages = [
        reverse("admin:index"),
        reverse("admin:accounts_apikey_changelist"),
        reverse("admin:accounts_apikey_change", args=[house.api_key.pk]),
        reverse("admin:accounts_apikey_history", args=[house.api_key.pk]),
        reverse("admin:accounts_organisation_change", args=[house.organisation.pk]),
        reverse("admin:autocomplete") + "?app_label=accounts&model_name=apikey&field_name=project&term=",
    ]
    for page in pages:
        response = client.get(page)
        assert bytes(house.api_key.sha256).hex() not in response.content.decode()
        assert response.status_code in (200, 403)


def test_readers_cannot_list_projects_by_autocomplete(house: House) -> None:
    address = reverse("admin:autocomplete") + "?app_label=accounts&model_name=apikey&field_name=project&term="
    assert client_of("nobody").get(address).status_code == 403


def test_strangers_see_the_log_in_page_only() -> None:
    for name in registered():
        assert Client().get(reverse(f"admin:{name}_changelist")).status_code == 302
    for step in STEPS:
        assert Client().post(reverse(f"admin:{step}", args=[1])).status_code == 302


def test_every_address_of_our_admin_pages_is_in_the_matrix() -> None:
    resolver: Any = get_resolver()
    names = {name for name in resolver.namespace_dict["admin"][1].reverse_dict if isinstance(name, str)}
    kinds = ("_changelist", "_add", "_change", "_delete", "_history")
    steps = {n for n in names if n.startswith("accounts_") and not n.endswith(kinds)}
    assert steps == set(STEPS)
