"""Dashboards in a real browser: looked at, left open, made, changed, taken elsewhere; what fails stays where it is."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from explore.models import Dashboard
from tests.acceptance.console.conftest import NARROW, WIDE, Shop
from tests.acceptance.console.test_figures import store_checkouts
from tests.acceptance.console.test_stories import at_most, counted
from tests.pictures import keep

__all__ = ["counted"]
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]
HOSTILE = "<img src=x onerror=alert(1)>"
HIDDEN = """
(is_hidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => is_hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}
"""


def answered(page: Page) -> None:
    expect(page.locator(".ex-board-panel .ex-board-body > *").first).to_be_attached()  # asked after they are drawn
    expect(page.locator(".ex-board-panel[aria-busy]")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_is_it_normal(counted: Page, shop: Shop, size) -> None:
    store_checkouts(shop)
    page = counted
    page.set_viewport_size(size)
    page.goto(f"{shop.url}/admin/dashboards/?organisation={shop.organisation.slug}")
    with at_most(1, page):
        page.get_by_role("link", name="Overview").click()
        answered(page)
        errors = page.locator("[data-panel=errors]")
        expect(errors.locator(".ex-stat")).to_be_visible()
    expect(page.locator("[data-panel=levels] svg")).to_be_visible()
    expect(page.locator("[data-panel=slowest]")).to_contain_text("95th percentile of")
    page.locator("[data-panel=newest]").scroll_into_view_if_needed()
    expect(page.locator("[data-panel=newest] tbody tr")).to_have_count(10)
    expect(page.locator("[data-panel=quota]")).to_contain_text("of the month has passed")
    keep(page, f"dashboard-{size['width']}-light", whole=True)
    page.emulate_media(color_scheme="dark")
    keep(page, f"dashboard-{size['width']}-dark", whole=True)
    with at_most(1, page):
        page.get_by_role("link", name="Open in the explorer: Errors", exact=True).click()
        expect(page.locator("#ex-query")).to_have_value("level:>=error")
        expect(page.locator(".ex-figures-table")).to_be_visible()


def test_p95_of_checkout_by_region_goes_on_a_dashboard(counted: Page, shop: Shop) -> None:
    store_checkouts(shop)
    page = counted
    asked = "query=step:checkout&show=figures&measure=p95:ms&by=region&draw=lines"
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&{asked}")
    expect(page.locator(".ex-figures-table tbody tr")).to_have_count(2)  # what a page moves meanwhile is no click
    with at_most(2, page):
        page.get_by_role("button", name="Add to a dashboard").click()
        page.get_by_label("A new dashboard, called").fill(HOSTILE)
        page.get_by_role("button", name="Make it").click()
        link = page.get_by_role("link", name=f"Open {HOSTILE}")
        expect(link).to_be_visible()
    page.get_by_role("button", name="Saved", exact=True).click()  # a saved search keeps how it is shown
    page.get_by_label("Save this search as").fill("slow regions")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#ex-saved-list")).to_contain_text("slow regions")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="List", exact=True).click()
    expect(page.locator(".ex-line").first).to_be_visible()
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_role("button", name="slow regions").first.click()
    expect(page.locator(".ex-figures-table tbody tr")).to_have_count(2)
    assert page.locator("#ex-measure").input_value() == "p95"

    page.get_by_role("button", name="Add to a dashboard").click()
    page.get_by_role("button", name=HOSTILE).click()
    page.get_by_role("link", name=f"Open {HOSTILE}").click()
    expect(page.locator("#ex-board-title")).to_have_text(HOSTILE)
    answered(page)
    panels = page.locator(".ex-board-panel")
    expect(panels).to_have_count(2)
    expect(panels.first).to_contain_text("95th percentile of ms by region")
    expect(panels.first.locator(".ex-keys li")).to_have_count(2)
    assert panels.first.locator(".ex-series-line").count() >= 2
    panels.first.get_by_role("button", name="Table").click()
    expect(panels.first.locator("tbody tr")).to_contain_text(["us85", "eu84"])


def test_dashboard_is_changed_and_taken_elsewhere(counted: Page, shop: Shop, tmp_path: Path) -> None:
    store_checkouts(shop)
    page = counted
    page.goto(f"{shop.url}/admin/dashboards/overview/?organisation={shop.organisation.slug}")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#ex-board-title")).to_have_text("Overview (copy)")
    answered(page)
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("button", name="Wider: Errors", exact=True).click()
    page.get_by_role("button", name="Move before: Errors", exact=True).click()
    page.get_by_role("button", name="Remove: Quota of the month").click()
    page.get_by_role("button", name="Add a panel").click()
    form = page.locator("#ex-board-panel-form")
    form.get_by_label("Title").fill("Customers")
    form.get_by_label("What it is").select_option("top")
    form.get_by_label("Query", exact=True).fill("step:checkout AND")
    form.get_by_label("By", exact=True).fill("customer")
    form.get_by_role("button", name="Use it").click()
    added = page.locator(".ex-board-panel", has_text="Customers")
    expect(added.get_by_role("alert")).to_contain_text("Panel “Customers”")
    answered(page)
    expect(page.locator("[data-panel=levels] svg")).to_be_visible()  # one that fails does not spoil the others
    page.get_by_role("button", name="Edit: Customers").click()
    form.get_by_label("Query", exact=True).fill("step:checkout")
    form.get_by_role("button", name="Use it").click()
    expect(added.locator(".ex-ranks li")).to_have_count(3)
    page.get_by_role("button", name="Settings").click()
    page.locator("#ex-board-settings-form").get_by_label("Variables beside").fill("region")
    page.locator("#ex-board-settings-form").get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#ex-toast")).to_have_text("Dashboard saved")
    kept = Dashboard.objects.get().document
    assert [(one["id"], one.get("width", 6)) for one in kept["panels"]][:2] == [("errors", 6), ("levels", 8)]
    assert "quota" not in {one["id"] for one in kept["panels"]}

    page.get_by_role("button", name="region: all").click()
    page.get_by_label("eu", exact=True).check()
    page.locator("#ex-var-region").get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("var.region=eu"))
    answered(page)
    page.locator(".ex-board-panel", has_text="Entries by level").get_by_role("button", name="Table").click()
    expect(page.locator("[data-panel=levels] tbody")).to_contain_text("40")  # 45, of which 5 failed
    page.go_back()
    expect(page.get_by_role("button", name="region: all")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    exported = json.loads(Path(download.value.path()).read_text())
    file = tmp_path / "dashboard.json"
    file.write_text(json.dumps(exported | {"title": "Elsewhere"}))
    page.goto(f"{shop.url}/admin/dashboards/?organisation=zero")
    page.locator("#ex-board-import").set_input_files(file)
    expect(page.locator("#ex-board-title")).to_have_text("Elsewhere")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    page.goto(f"{shop.url}/admin/dashboards/?organisation=zero")
    page.locator("#ex-board-import").set_input_files(broken)
    expect(page.get_by_role("alert")).to_contain_text("This file is not JSON.")
    page.get_by_role("button", name="Delete Elsewhere").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("Nobody has made one of their own yet.")).to_be_visible()


def test_nobody_asks_for_what_nobody_sees(counted: Page, shop: Shop) -> None:
    page = counted
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/panels/" in request.url else None)
    page.clock.install()
    page.goto(f"{shop.url}/admin/dashboards/overview/?organisation={shop.organisation.slug}")
    answered(page)
    page.locator("[data-panel=newest]").scroll_into_view_if_needed()
    expect(page.locator("[data-panel=newest] .ex-board-body > *")).to_be_visible()
    before = len(asked)
    page.evaluate(HIDDEN, True)
    page.clock.run_for(300_000)
    assert len(asked) == before
    page.evaluate(HIDDEN, False)
    answered(page)
    assert len(asked) > before
    page.route("**/panels/levels?*", lambda route: route.fulfill(status=503, json={"code": "query_timeout"}))
    page.get_by_role("button", name="Refresh").click()
    levels = page.locator("[data-panel=levels]")
    levels.scroll_into_view_if_needed()
    expect(levels.get_by_role("alert")).to_contain_text("What you see is from")
    expect(levels.locator("svg")).to_be_visible()
    page.unroute("**/panels/levels?*")
    levels.get_by_role("button", name="Try again").click()
    expect(levels.get_by_role("alert")).to_have_count(0)


def test_a_text_longer_than_its_panel_is_read_by_keyboard(page: Page, shop: Shop, admin_user: User) -> None:
    texts = [("short", "A line."), ("long", "\n\n".join(f"Paragraph {number}" for number in range(40)))]
    panels = [
        {"id": name, "kind": "text", "title": name, "width": 6, "height": "s", "text": text} for name, text in texts
    ]
    board = Dashboard.objects.create(
        owner=admin_user, organisation=shop.organisation, title="Notes", document={"version": 1, "panels": panels}
    )
    page.goto(f"{shop.url}/admin/dashboards/{board.pk}/?organisation={shop.organisation.slug}")
    short, long = (page.locator(f"[data-panel={name}] .ex-board-body") for name, _ in texts)
    expect(long).to_have_attribute("tabindex", "0")
    expect(long).to_have_accessible_name("long")
    expect(short).not_to_have_attribute("tabindex", "0")
    long.focus()
    page.keyboard.press("End")
    expect(long.get_by_text("Paragraph 39")).to_be_in_viewport()
