"""Something is broken: from a spike in the chart to the line that says why, in a real browser on the whole product."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.acceptance.product import Product
from tests.acceptance.shop import TRACE, outage
from tests.browser import chromium, signed_in
from tests.pictures import keep
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.acceptance

PAGE = "/admin/explorer/"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, whose logs are an hour of a shop with an outage in it."""
    product = Product(tmp_path_factory.mktemp("explorer") / "var").prepared().start()
    entries = outage(datetime.now(UTC))
    assert product.post({"logs": entries}).status_code == 200
    product.wait_until_stored(len(entries))
    yield product
    product.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def session(browser: Browser, shop: Product) -> StorageState:
    return signed_in(browser, shop.base_url, *shop.admin)


@pytest.fixture
def page(browser: Browser, shop: Product, session: StorageState) -> Iterator[Page]:
    """A page of a signed-in operator; whatever the page complains about fails the test."""
    with browser.new_context(viewport={"width": 1280, "height": 860}, storage_state=session) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.base_url)
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield page
        assert [complaint for complaint in complaints if not complaint.startswith("Failed to load resource")] == []


def test_from_the_spike_to_the_line_that_says_why(page: Page, shop: Product, tmp_path: Path) -> None:
    # The spike stands out; drag over it.
    page.goto(shop.base_url + PAGE)
    expect(page.locator("#ex-status")).to_contain_text("496 entries")
    page.locator(".ex-chip[data-level=error]").click()
    expect(page.locator("#ex-status")).to_contain_text("71 entries")
    newest = page.locator(".ex-item").first.locator(".ex-line")
    newest.click()
    expect(page.locator(".ex-stack")).to_be_visible()
    keep(page, "explorer")
    newest.click()
    expect(page.locator(".ex-stack")).to_be_hidden()
    bars = page.locator(".ex-step.level-error")
    first, last = bars.first.bounding_box(), bars.last.bounding_box()
    assert first
    assert last
    page.mouse.move(first["x"] - 4, first["y"])
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] + 4, last["y"], steps=5)
    page.mouse.up()
    page.wait_for_url("**from=**")
    expect(page.locator("#ex.ex-busy")).to_have_count(0)  # as many were there before
    expect(page.locator("#ex-status")).to_contain_text("71 entries")
    # Click the error; its stack trace says where.
    page.locator(".ex-item", has_text="ORD-12345").locator(".ex-line").click()
    stack = page.locator(".ex-stack")
    expect(stack).to_contain_text("at processPayment (/srv/app/src/payments/payment.ts:45:11)")
    page.get_by_role("button", name="Hide 2 library frames").click()
    expect(stack.get_by_text("node_modules")).to_be_hidden()
    # Its trace tells what went before.
    page.get_by_role("button", name="Show trace").click()
    drawer = page.locator("#ex-drawer")
    expect(drawer.locator(".ex-item")).to_have_count(6)
    expect(drawer).to_contain_text("payment provider answered 402")
    page.screenshot(path=tmp_path / "trace.png")
    # A colleague opens the link and sees the same.
    page.get_by_role("button", name="Share").dispatch_event("click")
    expect(page.locator("#ex-toast")).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    colleague = page.context.new_page()
    colleague.goto(link)
    expect(colleague.locator("#ex-status")).to_contain_text("71 entries")
    expect(colleague.locator("#ex-drawer .ex-anchor")).to_contain_text("Payment failed for ORD-12345")
    expect(colleague.locator("#ex-list .ex-open .ex-stack")).to_be_visible()
    assert TRACE in link
    colleague.close()
    # Is it over? Watch what comes in.
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    page.keyboard.press("l")
    expect(page.locator("#ex-live-words")).to_have_text("Live")
    now = datetime.now(UTC).isoformat()
    fresh = [{"timestamp": now, "level": level, "message": f"new {level}"} for level in ("error", "info")]
    assert shop.post({"logs": fresh}).status_code == 200
    page.get_by_role("button", name="1 new").click()  # what is read does not move
    expect(page.locator(".ex-fresh")).to_contain_text("new error")
    expect(page.locator(".ex-item", has_text="new info")).to_have_count(0)


def test_filters_context_and_keys(page: Page, shop: Product) -> None:
    page.goto(shop.base_url + PAGE)
    expect(page.locator(".ex-item").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("ORD-12345 level:err")
    expect(page.locator("#ex-completion")).to_contain_text("error")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".ex-item")).to_have_count(1)
    page.locator("#ex-query").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator("tr[data-field=orderId] [title='Filter for this value']").click()
    expect(page.locator("#ex-query")).to_have_value('ORD-12345 level:error  orderId:"ORD-12345"'.replace("  ", " "))
    expect(page.locator("#ex.ex-busy")).to_have_count(0)  # a key that comes before finds no entry to act on
    expect(page.locator(".ex-item")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator("#ex-drawer .ex-anchor")).to_contain_text("Payment failed for ORD-12345")
    expect(page.locator("#ex-drawer [role=treegrid]")).to_have_attribute("aria-rowcount", "61")
    expect(page.locator("#ex-drawer-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#ex-grid")).to_be_focused()
    page.locator("tr[data-field=orderId] [title='Filter out this value']").click()
    expect(page.locator("#ex-empty")).to_contain_text("No entry matches")
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.locator("#ex-grid")).to_have_attribute("aria-rowcount", "201")  # a page, and the head
    assert page.locator(".ex-item").count() < 100
    page.go_back()
    expect(page.locator("#ex-query")).to_have_value('ORD-12345 level:error orderId:"ORD-12345" -orderId:"ORD-12345"')


def test_wrong_query_shows_where(page: Page, shop: Product) -> None:
    page.goto(shop.base_url + PAGE)
    page.fill("#ex-query", "hello level:loud")
    page.press("#ex-query", "Enter")
    problem = page.locator("#ex-problem")
    expect(problem).to_contain_text("level must be one of")
    text = problem.locator(".ex-caret").inner_text()
    query, caret = text.splitlines()[:2]
    assert query[caret.index("^") :].startswith("loud")


def test_saved_search_comes_back(page: Page, shop: Product) -> None:
    page.goto(f"{shop.base_url}{PAGE}?range=6h&query=level:error&levels=error")
    page.get_by_role("button", name="Saved").click()
    page.fill("#ex-saved-name", "Errors of today")
    page.locator("#ex-saved-form [type=submit]").click()
    expect(page.locator("#ex-saved-list")).to_contain_text("Errors of today")
    page.goto(shop.base_url + PAGE)
    page.get_by_role("button", name="Saved").click()
    page.get_by_role("button", name="Errors of today level:error").click()
    expect(page.locator("#ex-query")).to_have_value("level:error")
    expect(page.locator("#ex-range-button")).to_have_text("last 6 hours")


def test_paused_tail_holds_entries_back(page: Page, shop: Product) -> None:
    page.goto(f"{shop.base_url}{PAGE}?range=5m&query=heartbeat&live=1")
    expect(page.locator("#ex-live-words")).to_have_text("Live")
    page.keyboard.press("p")
    now = datetime.now(UTC).isoformat()
    assert shop.post({"logs": [{"timestamp": now, "level": "info", "message": "heartbeat"}]}).status_code == 200
    expect(page.locator("#ex-live-words")).to_have_text("Paused, 1 new")
    expect(page.locator(".ex-item")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator(".ex-item")).to_have_count(1)


def test_tail_comes_back_after_its_process_died(page: Page, shop: Product) -> None:
    page.goto(f"{shop.base_url}{PAGE}?range=5m&query=comeback&live=1")
    expect(page.locator("#ex-live-words")).to_have_text("Live")
    shop.kill("tail")
    expect(page.locator("#ex-live-words")).to_contain_text("Connection lost")
    now = datetime.now(UTC).isoformat()
    assert shop.post({"logs": [{"timestamp": now, "level": "info", "message": "comeback"}]}).status_code == 200
    expect(page.locator("#ex-live-words")).to_have_text("Live")
    expect(page.locator(".ex-item")).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Page, shop: Product, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{shop.base_url}{PAGE}?range=1h&query=ORD-12345")
    page.locator(".ex-line").first.click()
    expect(page.locator(".ex-details")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_api_clients_find_the_tail_without_a_proxy(shop: Product) -> None:
    asked = f"{shop.base_url}/v1/logs/tail?query=level%3Aerror"
    with requests.get(asked, headers={"x-api-key": shop.api_key}, stream=True, timeout=DEADLINE_SECONDS) as response:
        assert [answer.status_code for answer in response.history] == [307]
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert next(response.iter_lines(chunk_size=1)).startswith(b"id: ")
    assert requests.get(asked, timeout=DEADLINE_SECONDS).status_code == 401


def test_empty_page_leads_to_the_newest_entry_and_to_all_time(page: Page, shop: Product) -> None:
    page.goto(f"{shop.base_url}{PAGE}?from=2001-01-01T00:00:00.000Z&to=2001-01-02T00:00:00.000Z")
    expect(page.locator(".ex-newest")).to_contain_text("The newest entry is from 20")
    page.get_by_role("button", name="Go there").click()
    expect(page.locator(".ex-item").first).to_be_visible()
    page.locator("#ex-range-button").click()
    page.get_by_role("button", name="all time").click()
    expect(page.locator("#ex-status")).to_contain_text("entries · all time")
    expect(page.locator(".ex-step").first).to_be_visible()
    # A search that finds nothing may be widened.
    page.goto(f"{shop.base_url}{PAGE}?query=nowhere")
    page.get_by_role("button", name="Look at all time").click()
    expect(page.locator("#ex-empty")).to_contain_text("Nothing was found in all time.")
