"""From a list of entries to an answer, in a real browser: which customers, what changed, how slow where."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.console.conftest import NARROW, WIDE, Shop
from tests.acceptance.console.test_stories import at_most, counted
from tests.entries import line, store_batch
from tests.pictures import keep

__all__ = ["counted"]
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


#: What the table copies: texts as cells that a spreadsheet neither cuts nor calculates.
FOUND = {
    "measure": "count",
    "by": ["customer", "ok"],
    "rows": [{"by": ['=1+1, "x"', True], "value": 2}, {"by": [None, -5], "value": 1}],
    "others": {"groups": 3, "value": 4},
}
CSV = 'customer,ok,count\r\n"\'=1+1, ""x""",true,2\r\n,-5,1\r\n(others),,4'


def store_checkouts(shop: Shop) -> None:
    now = datetime.now(UTC)
    store_batch(
        shop.organisation,
        [
            line(
                f"Checkout {n} took {n} ms",
                timestamp=now - timedelta(seconds=30 * n),
                level="error" if n % 9 == 0 else "info",
                metadata={
                    "step": "checkout",
                    "ms": n,
                    "region": ("eu", "us")[n % 2],
                    "customer": f"c-{n % 3}",
                    "x": "<b>",
                },
            )
            for n in range(90)
        ],
    )


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_from_entries_to_answers(counted: Page, shop: Shop, size) -> None:
    store_checkouts(shop)
    page = counted
    page.set_viewport_size(size)
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=step:checkout")
    expect(page.locator(".ex-line").first).to_be_visible()

    with at_most(2, page):  # which customers are hit
        page.get_by_role("button", name="Fields", exact=True).click()
        expect(page.locator("#ex-fields-said")).to_have_text("all 90 entries")
        expect(page.locator(".ex-top", has_text="c-0")).to_contain_text("30 · 33 %")
        keep(page, f"fields-{size['width']}-light")
        page.get_by_role("button", name="Group by customer").click()
        expect(page.locator(".ex-figures-table tbody tr")).to_have_count(3)
        expect(page.locator(".ex-figures-chart svg")).to_be_visible()
    keep(page, f"figures-{size['width']}-light")
    page.emulate_media(color_scheme="dark")
    keep(page, f"figures-{size['width']}-dark")
    page.emulate_media(color_scheme="light")

    with at_most(2, page):  # 95th percentile by region
        page.get_by_role("button", name="Fields", exact=True).click()
        page.get_by_label("Measure", exact=True).select_option("p95")
        page.get_by_label("field", exact=True).fill("ms")
        page.get_by_label("first field", exact=True).fill("region")
        page.get_by_label("as", exact=True).select_option("lines")
        rows = page.locator(".ex-figures-table tbody tr")
        expect(rows).to_contain_text(["us85", "eu84"])
        assert page.locator(".ex-series-line").count() >= 2
    address = page.url
    page.get_by_role("button", name="us", exact=True).click()
    expect(page.locator("#ex-query")).to_have_value('step:checkout region:"us"')
    expect(page.locator(".ex-line").first).to_be_visible()
    page.go_back()
    expect(rows).to_contain_text(["us", "eu"])
    assert page.url == address

    with at_most(2, page):  # what is said
        page.get_by_role("button", name="Patterns", exact=True).click()
        pattern = page.get_by_role("button", name="Checkout <n> took <n> ms")
        expect(pattern).to_be_visible()
        keep(page, f"patterns-{size['width']}-light")
        pattern.click()
        expect(page.locator("#ex-query")).to_have_value(r"step:checkout message:Checkout*took*ms")
        expect(page.locator("#ex.ex-busy")).to_have_count(0)


def test_values_narrow_the_search(counted: Page, shop: Shop) -> None:
    store_checkouts(shop)
    page = counted
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=step:checkout")
    page.get_by_role("button", name="Fields", exact=True).click()
    with at_most(3, page):
        page.get_by_role("button", name="Only region eu").click()
        expect(page.locator("#ex-fields-said")).to_have_text("all 45 entries")
        page.get_by_role("button", name="Without customer c-1").click()
        expect(page.locator("#ex-fields-said")).to_have_text("all 30 entries")
        page.get_by_role("button", name="Add the column customer").click()
        expect(page.locator(".ex-head")).to_contain_text("customer")
    page.get_by_label("Find a field").fill("nowhere.at.all")
    page.get_by_role("button", name="Count “nowhere.at.all”").click()
    expect(page.locator("#ex-fields-list li")).to_have_count(0)
    module = page.locator("link[rel=modulepreload][href*='explore/drawn.js']").get_attribute("href")
    assert page.evaluate("([module, found]) => import(module).then(({ csv }) => csv(found))", [module, FOUND]) == CSV
