"""The shell around the console's pages: who sees which place, what the palette finds, times, and what refusals say."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import AccessRecord, ApiKey, Organisation, User
from explore.models import SavedSearch
from foundation import content_security, places
from luminalog.console.zone import zones
from operations.pages import TABLES_SHOWN
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db

BROWSER = {"accept": "text/html,application/xhtml+xml"}
PLACES = {
    "Operators": ["Explorer", "Errors", "Dashboards", "Alerts", "Usage", "Customers", "Operations"],
    "Support": ["Alerts", "Usage", "Customers", "Operations"],
    "Auditors": ["Explorer", "Alerts", "Usage", "Customers", "Operations"],
    "nobody": [],
}


def client_of(role: str) -> Client:
    user = User.objects.create_user(role.lower(), password="x", is_staff=True, is_superuser=role == "superuser")
    if role in PLACES and role != "nobody":
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def bar(page: str) -> list[str]:
    """The words of the bar, from the left to the right."""
    (nav,) = re.findall(r'<nav class="ll-bar-places".*?</nav>', page, re.DOTALL)
    return re.findall(r">([A-Z]\w+)</a>", nav)


def tabs(page: str) -> list[str]:
    return re.findall(r">([^<]+)</a>", "".join(re.findall(r'<nav class="ll-tabs".*?</nav>', page, re.DOTALL)))


@pytest.mark.parametrize("role", PLACES)
def test_bar_has_the_places_that_one_may_see(role: str) -> None:
    assert bar(client_of(role).get("/admin/").content.decode()) == PLACES[role]


@pytest.mark.django_db(databases=["default", "reads"])
@pytest.mark.parametrize("role", PLACES)
def test_every_tab_that_is_drawn_opens(role: str) -> None:
    make_api_key()
    client = client_of(role)
    for page in (page for place in places.PLACES for page in places.pages(place)):
        status = client.get(reverse(f"admin:{page.address}")).status_code
        assert (status == 200) == page.is_open_to(User.objects.get(username=role.lower())), page.address


def test_place_leads_to_its_first_page_that_one_may_see() -> None:
    answer = client_of("Support").get("/admin/customers/?q=acme")
    assert answer.headers["Location"] == "/admin/accounts/organisation/?q=acme"
    assert client_of("nobody").get("/admin/customers/").status_code == 403


def test_tab_of_a_form_is_its_list_s() -> None:
    api_key, _ = make_api_key()
    page = client_of("superuser").get(reverse("admin:accounts_apikey_change", args=[api_key.pk])).content.decode()
    assert tabs(page) == [
        "Organisations", "Projects", "API keys", "Send logs", "Plans", "Quotas", "Privacy", "Grouping",
        "Explanations",
    ]  # fmt: skip
    assert re.search(r'apikey/" aria-current="page">API keys<', page)


def test_switcher_offers_organisations_and_remembers_one() -> None:
    make_organisation("acme")
    make_organisation("umbrella")
    client = client_of("superuser")
    assert '<option value="acme" selected>' in client.get("/admin/usage/").content.decode()
    assert '<option value="umbrella" selected>' in client.get("/admin/usage/?organisation=umbrella").content.decode()
    client.cookies["organisation"] = "umbrella"
    assert '<option value="umbrella" selected>' in client.get("/admin/usage/").content.decode()
    assert '"organisation": "umbrella"' in client.get("/admin/explorer/").content.decode()
    client.cookies["organisation"] = "gone"
    assert '<option value="acme" selected>' in client.get("/admin/usage/").content.decode()


def test_one_organisation_is_no_choice() -> None:
    make_organisation("acme")
    page = client_of("superuser").get("/admin/usage/").content.decode()
    assert "<select" not in page
    assert '<span class="ll-bar-organisation ll-bar-only">Acme</span>' in page


# --- Palette --------------------------------------------------------------------------------------------------------
def found(client: Client, text: str) -> list[tuple[str, str]]:
    rows = client.get("/admin/palette/", {"q": text}).json()["found"]
    return [(row["title"], row["what"]) for row in rows]


def test_palette_finds_pages_and_things_by_a_part_of_their_name() -> None:
    api_key, _ = make_api_key(make_organisation("acme"), name="billing")
    client = client_of("superuser")
    assert ("Acme", "organisation") in found(client, "acm")
    assert ("Acme / Shop", "project") in found(client, "shop")
    assert ("API keys", "Customers") in found(client, "api k")
    hint = f"{api_key.prefix}…{api_key.suffix}"
    assert (f"billing ({hint}), Acme", "API key") in found(client, hint)
    assert ("Search logs for: timeout", "Explorer") in found(client, "timeout")
    assert ("Today", "place") in found(client, "")


def test_palette_finds_only_what_one_may_see() -> None:
    owner = User.objects.create_user("eve")
    acme = make_organisation("acme")
    for name, shared in (("secret timeouts", False), ("shared timeouts", True)):
        SavedSearch.objects.create(owner=owner, organisation=acme, name=name, is_shared=shared)
    operators = found(client_of("Operators"), "timeouts")
    assert operators[0] == ("shared timeouts, Acme", "saved search")
    assert len(operators) == 3  # and the searches for it
    assert found(client_of("Support"), "timeouts") == []
    assert found(client_of("nobody"), "acme") == []
    assert Client().get("/admin/palette/").status_code == 302


@pytest.mark.parametrize("text", ["\0", "%", "…", "x" * 5_000, "\ud7ff", "<b>"])
def test_palette_takes_any_text(text: str) -> None:
    make_api_key()
    assert client_of("superuser").get("/admin/palette/", {"q": text}).status_code == 200


# --- Times ----------------------------------------------------------------------------------------------------------
def shown_time(client: Client) -> str:
    (time,) = re.findall(
        r"2026-01-\d\d \d\d:\d\d:\d\d \w+", client.get("/admin/accounts/accessrecord/").content.decode()
    )
    return str(time)


def test_times_are_in_the_zone_of_the_browser_or_the_one_chosen() -> None:
    AccessRecord.objects.create(user_id=1, username="ada", organisation_id=1, organisation="acme", action="search")
    AccessRecord.objects.update(at=datetime(2026, 1, 26, 23, 30, tzinfo=UTC))
    client = client_of("superuser")
    assert shown_time(client) == "2026-01-26 23:30:00 UTC"
    client.cookies["zone"] = "Europe%2FBerlin"
    assert shown_time(client) == "2026-01-27 00:30:00 CET"
    assert client.post("/admin/preferences/", {"time_zone": "Asia/Tokyo"}).status_code == 302
    assert shown_time(client) == "2026-01-27 08:30:00 JST"
    assert '"zone": "Asia/Tokyo"' in client.get("/admin/explorer/").content.decode()
    assert "Asia/Tokyo" in client.get("/admin/").content.decode()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "localtime", "%00"])
def test_zone_that_there_is_not_is_utc(zone: str) -> None:
    client = client_of("superuser")
    client.cookies["zone"] = zone
    assert client.get("/admin/").status_code == 200
    assert client.post("/admin/preferences/", {"time_zone": zone}).status_code == 200
    assert User.objects.get().time_zone == ""
    assert zone not in zones()


# --- Refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "permission"),
    [
        ("/admin/explorer/", "Can look at log entries"),
        ("/admin/accounts/apikey/add/", "Can add API key"),
        ("/admin/auditlog/logentry/", "Can view log entry"),
        ("/admin/operations/", "Can view spooled batch"),
    ],
)
def test_browser_is_told_which_permission_is_missing_and_who_gives_it(address: str, permission: str) -> None:
    User.objects.create_superuser("ada", password="x")
    answer = client_of("Support").get(address, headers=BROWSER)
    assert answer.status_code == 403
    page = " ".join(answer.content.decode().split())
    assert f"You need the permission <em>{permission}</em>. Ask <strong>ada</strong> or another administrator" in page
    assert answer.headers["Content-Security-Policy"] == content_security.OWN


def test_step_says_what_it_needs() -> None:
    api_key, _ = make_api_key()
    answer = client_of("Auditors").get(reverse("admin:accounts_apikey_revoke", args=[api_key.pk]), headers=BROWSER)
    assert "Can revoke API key" in answer.content.decode()
    assert ApiKey.objects.get().revoked_at is None


def test_program_is_told_in_json() -> None:
    client = client_of("Support")
    for address, code in (
        ("/admin/explorer/", "forbidden"),
        ("/admin/nothing/", "not_found"),
        ("/nothing", "not_found"),
    ):
        for accept in ("application/json", "*/*", ""):
            assert client.get(address, headers={"accept": accept}).json()["code"] == code
    assert client.get("/v1/nothing", headers=BROWSER).json()["code"] == "not_found"


@pytest.mark.parametrize("address", ["/nothing", "/admin/nothing/", "/docs/nothing"])
def test_address_of_nothing_is_a_page(address: str) -> None:
    for client in (client_of("superuser"), Client()):
        answer = client.get(address, follow=True, headers=BROWSER)
        assert answer.status_code in (200, 404)  # 200: the log-in
        assert "<h1>" in answer.content.decode()


def test_strangers_are_told_no_name() -> None:
    User.objects.create_superuser("ada", password="x")
    answer = Client().get("/nothing", headers=BROWSER)
    assert answer.status_code == 404
    assert not re.search(r"\bada\b", answer.content.decode())


def test_form_without_its_token_is_answered_by_a_page() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/admin/login/", {"username": "ada"}, headers=BROWSER)
    assert answer.status_code == 403
    assert "reload the page" in answer.content.decode()
    assert client.post("/admin/login/", {"username": "ada"}).json()["code"] == "forbidden"


def test_hidden_admin_looks_like_nothing(settings: Any) -> None:
    settings.ADMIN_NETWORKS = ["203.0.113.0/24"]
    client = Client()
    for accept in (BROWSER, {}):
        hidden, nothing = (client.get(address, headers=accept) for address in ("/admin/", "/nothing"))
        assert hidden.status_code == nothing.status_code == 404
        ids = re.compile(r"[0-9a-f]{32}")
        assert ids.sub("", hidden.content.decode()) == ids.sub("", nothing.content.decode())


# --- Policy ---------------------------------------------------------------------------------------------------------
def test_only_pages_with_scripts_of_django_s_may_write_markup() -> None:
    organisation = make_organisation("acme")
    client = client_of("superuser")
    own = [
        "/admin/",
        "/admin/usage/",
        "/admin/operations/",
        "/admin/operations/sizes/",
        "/admin/operations/archive/",
        "/admin/all/",
        "/admin/preferences/",
    ]
    for address in own:
        assert client.get(address).headers["Content-Security-Policy"] == content_security.OWN, address
    for address in ("/admin/accounts/organisation/", f"/admin/accounts/organisation/{organisation.pk}/change/"):
        assert client.get(address).headers["Content-Security-Policy"] == content_security.OF_DJANGO, address
    assert "trusted-types 'none'" in content_security.OWN


def test_sizes_tell_days_tables_and_the_database() -> None:
    page = client_of("superuser").get("/admin/operations/sizes/").content.decode()
    assert datetime.now(UTC).strftime("%Y-%m-%d") in page
    assert page.count('<th scope="row"><code>') == TABLES_SHOWN
    assert "Whole database" in page


def test_empty_lists_explain_themselves() -> None:
    client = client_of("superuser")
    assert "An organisation needs one before" in client.get("/admin/accounts/project/").content.decode()
    assert "There is nothing here yet." in client.get("/admin/axes/accessattempt/").content.decode()
    assert "Nothing is found so." in client.get("/admin/accounts/project/?q=x").content.decode()
    assert not Organisation.objects.exists()
