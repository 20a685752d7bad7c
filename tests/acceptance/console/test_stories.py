"""What staff come for, in a real browser: how many clicks it takes, wide and narrow, and without a mouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from quotas import ledger
from tests.acceptance.console.conftest import NARROW, WIDE, Shop

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

COUNT = """
addEventListener('click', (event) => {
  if (event.isTrusted && event.detail) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
}, true);
"""


@pytest.fixture
def counted(page: Page) -> Page:
    """A page that counts clicks and complains of breaches of its policy."""
    page.add_init_script(COUNT)
    return page


@contextmanager
def at_most(clicks: int, page: Page) -> Iterator[None]:
    """Let so many clicks be made, as the page itself counts them."""
    page.evaluate("sessionStorage.clicks = 0")
    yield
    assert int(page.evaluate("sessionStorage.clicks")) <= clicks


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_who_used_the_quota(counted: Page, shop: Shop, size) -> None:
    page = counted
    page.set_viewport_size(size)
    page.goto(f"{shop.url}/admin/")
    with at_most(2, page):
        if size == NARROW:
            page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Usage", exact=True).locator("visible=true").click()
        row = page.locator("#projects tbody tr").first
        expect(row).to_contain_text("Shop")
        expect(row).to_contain_text("100 %")


def test_whose_requests_are_refused_and_why(counted: Page, shop: Shop) -> None:
    page = counted
    page.goto(f"{shop.url}/admin/")
    expect(page.locator("[data-today]")).to_contain_text("invalid_level")
    now = datetime.now(UTC)
    row = ledger.UsageRow(now, shop.organisation.pk, shop.api_key.pk, "too_many_entries", 7, 0, 0)
    ledger.count([row])
    refused = page.locator("tr", has_text="too_many_entries")
    expect(refused).to_contain_text(f"{shop.api_key.prefix}…{shop.api_key.suffix}")  # without a reload
    with at_most(1, page):
        refused.get_by_role("link", name=shop.organisation.name).click()
        expect(page.locator("#outcomes")).to_contain_text("too_many_entries")


def test_without_a_mouse(counted: Page, shop: Shop) -> None:
    page = counted
    page.goto(f"{shop.url}/admin/")
    with at_most(0, page):
        page.keyboard.press("Control+k")
        page.keyboard.type("Search")
        expect(page.locator(".ll-palette [aria-selected=true]")).to_have_text("SearchExplorer")
        page.keyboard.press("Enter")
        expect(page.locator("#ex-status")).to_contain_text("496 entries")
        # The chart: the bar of the last failures, and into it.
        page.locator("#ex-histogram").focus()
        page.keyboard.press("t")
        table = page.locator("#ex-chart-table tbody tr")
        expect(table.first).to_be_visible()
        page.keyboard.press("End")
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_url("**from=**")
        # Another place, and back.
        page.locator("#ex-histogram").blur()
        page.keyboard.press("g")
        page.keyboard.press("u")
        page.wait_for_url("**/admin/usage/**")
        plot = page.get_by_role("group", name="Requests an hour, by outcome")
        plot.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("[data-chart=requests] .ll-chart-said")).to_contain_text("Accepted 90")
        page.keyboard.press("t")
        expect(page.get_by_role("region", name="Requests an hour, by outcome, as a table")).to_contain_text("90")


def test_single_keys_can_be_switched_off(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/preferences/")
    page.get_by_label("Keys of a single letter").uncheck()
    page.goto(f"{shop.url}/admin/")
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.keyboard.press("Control+k")
    expect(page.locator(".ll-palette input")).to_be_focused()
    assert page.url == f"{shop.url}/admin/"


def test_theme_and_organisation_are_remembered(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/usage/")
    page.get_by_role("button", name="admin").click()
    page.locator(".ll-account").get_by_text("Dark").click()
    page.get_by_label("Organisation").select_option("zero")
    page.wait_for_url("**organisation=zero")
    page.goto(f"{shop.url}/admin/explorer/")
    expect(page.locator("h1")).to_have_text("Explorer: Zero")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 23, 36)"
    # The explorer changes it by itself, and it is remembered all the same.
    page.get_by_label("Organisation").select_option(shop.organisation.slug)
    expect(page.locator("#ex-status")).to_contain_text("496 entries")
    page.goto(f"{shop.url}/admin/usage/")
    expect(page.get_by_label("Organisation")).to_have_value(shop.organisation.slug)


def test_documentation_remembers_the_language(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/docs")
    page.get_by_text("Python", exact=True).click()
    page.reload()
    expect(page.locator(".example[data-language=python]").first).to_be_visible()
    expect(page.locator(".example[data-language=curl]").first).to_be_hidden()


def test_pages_break_no_policy(page: Page, shop: Shop) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for address in (
        "",
        "explorer/",
        "usage/",
        "operations/",
        "operations/sizes/",
        "preferences/",
        "accounts/apikey/add/",
    ):
        page.goto(f"{shop.url}/admin/{address}", wait_until="networkidle")
        page.keyboard.press("Control+k")
        expect(page.locator(".ll-palette [role=option]").first).to_be_visible()
        page.keyboard.press("Escape")
    assert complaints == []


ATTEMPTS = [
    "html`<a href=${'javascript:alert(1)'}>x</a>`",
    "html`<a href=${' //elsewhere.example'}>x</a>`",
    "html`<a href=${'//elsewhere.example'}>x</a>`",
    "html`<p onclick=${'alert(1)'}>x</p>`",
    "html`<p style=${'color: red'}>x</p>`",
    "html`<p dangerouslySetInnerHTML=${{ __html: '<b>x</b>' }}></p>`",
    "html`<script>alert(1)</script>`",
    "html`<iframe src='/'></iframe>`",
    "html`<img src=${'https://elsewhere.example/x.png'} />`",
    "html`<p srcdoc='x'>x</p>`",
    """icon('x"><b>')""",
]


def test_markup_that_could_run_or_load_is_refused(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/docs")
    making = "async (attempt) => {{ const {{ html, icon }} = await import('/static/console/html.js'); {0} }}"
    for attempt in [*ATTEMPTS, "html`<p class='x' onClick=${() => 1}>${'<b>'}</p>`"]:
        tried = making.format(f"try {{ {attempt}; return 'made'; }} catch (error) {{ return error.message; }}")
        assert (page.evaluate(tried) == "made") == (attempt not in ATTEMPTS), attempt
