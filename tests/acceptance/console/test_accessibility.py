"""axe-core finds nothing on any page of the product: light and dark, wide and narrow, empty, full, opened and refused.

One browser, and a shop in the test's own database. Each page is loaded once: what depends on the theme or the width
is asked again after the change. `SCREENSHOTS=folder` keeps a picture of each.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Page, expect

from accounts.models import AccessRecord, User
from explore.models import SavedSearch
from foundation import places
from ingest.models import DeadLetter
from notify.models import NoticeChannel, NoticeDelivery
from operations.models import Erasure
from quotas.models import Plan
from storage.models import ArchivedDay, LoadedPart
from tests import console_pages
from tests.acceptance.console.conftest import NARROW, WIDE, Shop
from tests.entries import line, store_batch
from tests.processes import PROJECT

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

AXE = (PROJECT / "tests/vendor/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async (only) => (await axe.run(document, { ...only, resultTypes: ['violations'], preload: false })).violations.map(
  (one) => `${one.id}: ${one.nodes.length} × ${one.nodes[0].html.slice(0, 200)} (${one.nodes[0].failureSummary})`)
"""
OF_A_THEME = ["color-contrast", "link-in-text-block"]
OF_A_WIDTH = ["target-size", "scrollable-region-focusable", "color-contrast"]
#: Two frames: in the first, observers are told of a new size.
REDRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PICTURES = os.environ.get("SCREENSHOTS")


def listed() -> Iterator[tuple[str, str]]:
    """Every list of the console, and every form to add to it."""
    for model in console_pages.registered():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        for kind in ("changelist", "add"):
            try:
                yield f"{name}-{kind}", reverse(f"admin:{name}_{kind}")
            except NoReverseMatch:
                continue


def opened(shop: Shop, user: User) -> dict[str, str]:
    """Pages of one row each, and pages of ours."""
    own = {page.address: reverse(f"admin:{page.address}") for page in places.own_pages()}
    own |= {name: reverse(f"admin:{name}") for name in ("index", "all_pages", "preferences", "password_change")}
    change = {
        "accounts_organisation": shop.organisation.pk, "accounts_apikey": shop.api_key.pk,
        "accounts_project": shop.api_key.project_id, "accounts_user": user.pk,
        "auth_group": Group.objects.get_or_create(name="Operators")[0].pk,
        "operations_erasure": Erasure.objects.get().pk, "privacy_policy": shop.organisation.pk,
        "issues_setting": shop.organisation.pk, "assist_setting": shop.organisation.pk,
        "quotas_plan": Plan.objects.latest("id").pk, "quotas_quota": shop.organisation.quota.pk,
        "explore_savedsearch": SavedSearch.objects.get().pk, "ingest_deadletter": DeadLetter.objects.get().pk,
        "notify_noticechannel": NoticeChannel.objects.get().pk,
        "notify_noticedelivery": NoticeDelivery.objects.get().pk,
        "accounts_accessrecord": AccessRecord.objects.get().pk,
    }  # fmt: skip
    rows = {name: reverse(f"admin:{name}_change", args=[pk]) for name, pk in change.items()}
    steps = {
        "suspend": reverse("admin:accounts_organisation_suspend", args=[shop.organisation.pk]),
        "rotate": reverse("admin:accounts_apikey_rotate", args=[shop.api_key.pk]),
        "revoke": reverse("admin:accounts_apikey_revoke", args=[shop.api_key.pk]),
        "history": reverse("admin:accounts_apikey_history", args=[shop.api_key.pk]),
        "confirm-erasure": reverse("admin:operations_erasure_confirm", args=[Erasure.objects.get().pk]),
        "searched": reverse("admin:accounts_apikey_changelist") + "?q=nothing-is-called-so",
        "without-a-plan": reverse("admin:usage") + "?organisation=zero",
        "empty-explorer": reverse("admin:explorer") + "?organisation=zero",
        "evidence": reverse("admin:error_evidence", args=[1]) + f"?organisation={shop.organisation.slug}",
        "no-errors": reverse("admin:errors") + "?organisation=zero",
        "empty-dashboard": reverse("admin:dashboard_overview") + "?organisation=zero",
    }
    public = {
        "landing": "/",
        "docs": "/docs",
        "errors": "/docs/errors",
        "nothing": "/admin/nothing/",
        "nowhere": "/nowhere",
    }
    return own | rows | steps | public


def look(page: Page, name: str, *, is_of_django: bool = False) -> list[str]:
    """Return what axe finds on the page as it is now, in each theme and width; it is left light and wide.

    Lists and forms of Django's have a bar and a layout that pages of ours have too: dark and narrow are one look there.
    """
    page.evaluate(f"window.axe || (() => {{ {AXE} }})()")
    found = [f"{name}: {one}" for one in page.evaluate(RUN, {"runOnly": RULES})]
    page.emulate_media(color_scheme="dark")
    if not is_of_django:
        found += [f"{name}, dark: {one}" for one in _of(page, OF_A_THEME)]
    _keep(page, f"{name}-wide-dark")
    page.set_viewport_size(NARROW)
    page.evaluate(REDRAWN)  # until then a chart is as wide as it was, and its panel scrolls
    rules = OF_A_THEME + OF_A_WIDTH if is_of_django else OF_A_WIDTH
    found += [f"{name}, narrow: {one}" for one in _of(page, rules)]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append(f"{name}: sticks out of a narrow window")
    if page.locator("h1").count() != 1:
        found.append(f"{name}: {page.locator('h1').count()} h1")
    _keep(page, f"{name}-narrow-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    _keep(page, f"{name}-wide-light")
    return found


def test_archive_that_nobody_has_set_up_has_nothing_that_axe_finds(page: Page, shop: Shop) -> None:
    ArchivedDay.objects.all().delete()
    LoadedPart.objects.all().delete()
    page.goto(shop.url + reverse("admin:operations_archive"))
    expect(page.get_by_role("heading", name="Nothing is archived")).to_be_visible()
    assert not look(page, "empty-archive")


def _of(page: Page, rules: list[str]) -> list[str]:
    found: list[str] = page.evaluate(RUN, {"runOnly": {"type": "rule", "values": rules}})
    return found


def _keep(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{PICTURES}/{name}.png", animations="disabled")


def test_no_page_has_what_axe_finds(page: Page, shop: Shop, admin_user: User) -> None:
    found: list[str] = []
    lists = dict(listed())
    for name, address in {**lists, **opened(shop, admin_user)}.items():
        page.goto(shop.url + address)
        found += look(page, name, is_of_django=name in lists)
    assert not found, "\n".join(found)


def test_no_state_of_a_page_has_what_axe_finds(page: Page, shop: Shop) -> None:
    found: list[str] = []
    errors = f"{shop.url}/admin/errors/"
    page.goto(f"{errors}?organisation={shop.organisation.slug}")
    page.locator("[name=number]").first.check()
    found += look(page, "errors-full")
    page.goto(f"{errors}?organisation={shop.organisation.slug}&query=nothing")
    found += look(page, "errors-none-found")
    card = {"type": "CardError", "message": "card refused"}
    store_batch(shop.organisation, [line("Card refused", level="error", error=card)])
    page.goto(f"{errors}1/merge/?organisation={shop.organisation.slug}&with=2&with=9")
    expect(page.locator(".ll-sums tfoot")).to_be_visible()
    found += look(page, "merge-errors")
    page.get_by_role("button", name="Merge 2 groups").click()
    page.get_by_role("link", name="Take it back").click()
    expect(page.locator(".ll-sums")).to_be_visible()
    found += look(page, "split-errors")
    page.get_by_role("button", name="Split off 1 group").click()
    page.goto(f"{errors}1/?organisation={shop.organisation.slug}")
    page.locator(".ll-stack summary").click()
    expect(page.locator(".ll-chart-plot canvas")).to_be_visible()
    expect(page.locator(".ll-evidence .ll-how").first).to_contain_text("of its entries beside")
    page.locator(".ll-before summary").click()
    found += look(page, "error-group")
    explorer = f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}"
    page.goto(explorer)
    expect(page.locator("#ex-status")).to_contain_text("497 entries")
    found += look(page, "explorer-full")
    page.get_by_role("button", name="Fields", exact=True).click()
    page.get_by_role("button", name="Group by path").click()
    expect(page.locator(".ex-figures-table")).to_be_visible()
    found += look(page, "explorer-figures")
    page.get_by_role("button", name="Patterns", exact=True).click()
    expect(page.locator("td.ex-pattern").first).to_be_visible()
    page.get_by_role("button", name="Fields", exact=True).click()
    found += look(page, "explorer-patterns")
    page.get_by_role("button", name="What has changed?").click()
    found += look(page, "explorer-compare")
    page.get_by_role("button", name="Against as long a time before").click()
    expect(page.locator("td .badge").first).to_be_visible()
    found += look(page, "explorer-changes")
    page.get_by_role("button", name="List", exact=True).click()
    page.keyboard.press("Control+k")
    expect(page.locator(".ll-palette [role=option]").first).to_be_visible()
    found += look(page, "palette")
    page.keyboard.press("Escape")
    page.goto(f"{explorer}&query=ORD-12345+level:error")
    page.locator(".ex-line").click()
    expect(page.locator(".ex-stack")).to_be_visible()
    found += look(page, "explorer-entry")
    page.get_by_role("button", name="Show trace").click()
    expect(page.locator("#ex-drawer .ex-item")).to_have_count(6)
    found += look(page, "explorer-trace")
    page.keyboard.press("Escape")
    page.locator("#ex-shape-button").click()
    found += look(page, "explorer-columns")
    page.goto(f"{explorer}&query=level:loud")
    expect(page.locator("#ex-problem")).to_be_visible()
    found += look(page, "explorer-mistake")
    for name in ("ex-range-button", "ex-help"):
        page.goto(explorer)
        trigger = "#ex-range-button" if name == "ex-range-button" else "[popovertarget=ex-help]"
        page.locator(trigger).click()
        found += look(page, name)
    page.goto(f"{shop.url}/admin/dashboards/overview/?organisation={shop.organisation.slug}")
    expect(page.locator(".ex-board-entries tbody tr").first).to_be_visible()
    expect(page.locator(".ex-board-panel[aria-busy]")).to_have_count(0)
    page.get_by_role("button", name="Table").first.click()
    found += look(page, "dashboard")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.wait_for_url("**/dashboards/*/?organisation=*")
    page.get_by_role("button", name="Edit", exact=True).click()
    found += look(page, "dashboard-edited")
    page.get_by_role("button", name="Add a panel").click()
    found += look(page, "dashboard-panel")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    found += look(page, "dashboard-settings")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="environment: all").click()
    found += look(page, "dashboard-variable")
    page.goto(f"{shop.url}/admin/dashboards/?organisation={shop.organisation.slug}")
    found += look(page, "dashboards-full")
    page.goto(f"{shop.url}/admin/")
    page.get_by_role("button", name="admin").click()
    found += look(page, "account")
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Menu").click()
    found += look(page, "menu")
    page.goto(f"{shop.url}/admin/usage/?organisation={shop.organisation.slug}")
    page.get_by_role("button", name="Table").first.click()
    found += look(page, "usage-table")
    assert not found, "\n".join(found)


def test_whoever_is_refused_sees_a_page_without_what_axe_finds(page: Page, shop: Shop, admin_user: User) -> None:
    User.objects.filter(pk=admin_user.pk).update(is_superuser=False)
    page.goto(f"{shop.url}/admin/explorer/")
    expect(page.locator("h1")).to_have_text("You may not do that")
    found = look(page, "refused")
    page.context.clear_cookies()
    page.goto(f"{shop.url}/admin/")
    found += look(page, "log-in")
    assert not found, "\n".join(found)


def test_mistakes_are_found(page: Page) -> None:
    page.set_content("<!doctype html><html><body><img src='x'><input><p style='color:#bbb'>pale</p></body></html>")
    found = " ".join(look(page, "mistakes"))
    assert all(rule in found for rule in ("image-alt", "label", "color-contrast", "html-has-lang", "0 h1"))
