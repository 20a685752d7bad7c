"""What staff come for, in a real browser: how many clicks it takes, wide and narrow, and without a mouse."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import AccessRecord, Organisation
from quotas import ledger
from storage.places import place
from tests.acceptance.console.conftest import NARROW, WIDE, Shop
from tests.entries import line, store_batch
from tests.pictures import keep
from tests.waiting import wait_until

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
        page.keyboard.type("gu")
        page.wait_for_url("**/admin/usage/**")
        plot = page.get_by_role("group", name="Requests an hour, by outcome")
        plot.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")  # not the last: an hour may have begun
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
        "operations/archive/",
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
    making = "async (attempt) => {{ const {{ html, icon }} = await import('{1}console/html.js'); {0} }}"
    for attempt in [*ATTEMPTS, "html`<p class='x' onClick=${() => 1}>${'<b>'}</p>`"]:
        trying = f"try {{ {attempt}; return 'made'; }} catch (error) {{ return error.message; }}"
        tried = making.format(trying, settings.STATIC_URL)
        assert (page.evaluate(tried) == "made") == (attempt not in ATTEMPTS), attempt


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def sized(counted: Page, request: pytest.FixtureRequest) -> Page:
    counted.set_viewport_size(request.param)
    return counted


def explorer(page: Page) -> None:
    """Go to the explorer as people do."""
    if page.viewport_size == NARROW:
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Explorer", exact=True).locator("visible=true").click()


def test_first_entry_is_seen(sized: Page, shop: Shop) -> None:
    page = sized
    zero = Organisation.objects.get(slug="zero")
    page.goto(f"{shop.url}/admin/")
    page.evaluate("document.cookie = 'organisation=zero; path=/admin/'")
    store_batch(zero, [line("Hello from a shell")])
    with at_most(2, page):
        explorer(page)
        expect(page.locator(".ex-item")).to_contain_text("Hello from a shell")


def test_who_searches_beside_others_waits_and_is_answered(page: Page, shop: Shop) -> None:
    with ExitStack() as others:
        for _ in range(settings.READS_PER_PROCESS - 1):
            others.enter_context(place(shop.organisation.pk))
        with page.expect_response(lambda response: "/explorer/search" in response.url and response.status == 503):
            page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=level:error")
    expect(page.locator("#ex-status")).to_contain_text("71 entries")
    expect(page.locator("#ex-problem")).to_be_hidden()


def test_from_payment_failed_to_the_stack(sized: Page, shop: Shop) -> None:
    page = sized
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}")
    with at_most(2, page):
        page.keyboard.press("/")
        page.keyboard.type("payment failed")
        page.keyboard.press("Enter")
        expect(page.locator("#ex-status")).to_contain_text("71 entries")
        page.locator(".ex-line").first.click()
        line_of_ours = page.locator(".ex-stack li").nth(1)
        expect(line_of_ours).to_contain_text("payment.ts:45:11")
        expect(line_of_ours).to_be_in_viewport(ratio=1)
    assert page.locator(".ex-line mark").all_text_contents()[:2] == ["Payment", "failed"]
    keep(page, f"stack-{'narrow' if page.viewport_size == NARROW else 'wide'}")


def test_entries_without_a_mouse(counted: Page, shop: Shop) -> None:
    """From the log-in to a colleague's link, and the focus is always where one is."""
    page = counted
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.url)
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}")
    grid = page.locator("#ex-grid")
    with at_most(0, page):
        page.keyboard.press("/")
        page.keyboard.type("level:error")
        page.keyboard.press("Enter")
        expect(page.locator("#ex-status")).to_contain_text("71 entries")
        page.keyboard.press("Escape")
        for _ in range(15):
            page.keyboard.press("j")
        expect(grid).to_be_focused()
        page.keyboard.press("Enter")
        opened = page.locator(".ex-open")
        expect(opened.locator(".ex-line")).to_have_id(grid.get_attribute("aria-activedescendant") or "")
        expect(opened.locator(".ex-stack")).to_be_in_viewport()
        page.keyboard.press("c")
        expect(page.locator("#ex-drawer-title")).to_be_focused()
        page.keyboard.press("Escape")
        expect(grid).to_be_focused()
        expect(opened.locator(".ex-line")).to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(opened.get_by_role("button", name="Show context")).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("y")
        expect(page.locator("#ex-toast")).to_have_text("Link copied")
        page.keyboard.press("Tab")
        orders = opened.locator("tr[data-field=orderId]")
        for _ in range(30):
            if orders.locator(":focus").count():
                break
            page.keyboard.press("Tab")
        page.keyboard.press("+")
        expect(page.locator("#ex-status")).to_contain_text("1 entry")
        page.goto(page.evaluate("navigator.clipboard.readText()"))
        expect(opened.locator(".ex-stack")).to_be_visible()


def test_list_is_shaped_and_the_address_keeps_it(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=orderId:*")
    lines = page.locator(".ex-line")
    lines.first.click()
    page.locator("tr[data-field=orderId] [title='Show as column']").click()
    page.locator("#ex-shape-button").click()
    page.get_by_role("button", name="Further left: orderId").click()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.locator(".ex-head-button").click()  # oldest first
    expect(page.locator("[role=columnheader]").first).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".ex-head-name")).to_have_text(["orderId", "project"])
    expect(page.locator("#ex-list .ex-time").first).not_to_be_empty()
    page.reload()
    expect(page.locator(".ex-head-name")).to_have_text(["orderId", "project"])
    expect(lines.nth(5).locator(".ex-cell").first).to_contain_text("ORD-")
    expect(page.locator("#ex-wrap")).to_have_attribute("aria-pressed", "true")
    times = page.locator(".ex-item:not(.ex-kept) .ex-time").evaluate_all("nodes => nodes.map((node) => node.dateTime)")
    assert times == sorted(times)
    assert len(times) > 5
    # A column's width is dragged, and stays.
    expect(page.locator("#ex.ex-busy")).to_have_count(0)  # the status, once it is there, moves the list down
    grip, name = page.locator(".ex-grip").first, page.locator(".ex-head-cell", has_text="orderId")
    box, before = grip.bounding_box(), name.bounding_box()
    assert box
    assert before
    page.mouse.move(box["x"] + 3, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 103, box["y"] + 9, steps=3)
    page.mouse.up()
    after = name.bounding_box()
    assert after
    assert after["width"] - before["width"] == pytest.approx(100, abs=8)


def test_long_list_has_few_rows_in_the_page(page: Page, shop: Shop) -> None:
    now = datetime.now(UTC)
    for _ in range(2):
        store_batch(
            shop.organisation, [line(f"number {n}", timestamp=now - timedelta(milliseconds=n)) for n in range(1_000)]
        )
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=number")
    grid = page.locator("#ex-grid")
    blank = """async (node) => {
      let blank = 0;
      for (let frame = 0; frame < 60; frame += 1) {
        node.scrollTop += node.clientHeight * 2;
        await new Promise(requestAnimationFrame);
        const { left, top, height } = node.getBoundingClientRect();
        const isRow = (at) => document.elementFromPoint(left + 200, top + height * at)?.closest('.ex-item');
        blank += [0.2, 0.5, 0.8].every(isRow) ? 0 : 1;
      }
      return blank;
    }"""
    expect(grid).to_have_attribute("aria-rowcount", "201")

    def is_whole() -> bool:
        assert grid.evaluate(blank) == 0
        return grid.get_attribute("aria-rowcount") == "2001"

    wait_until(is_whole)
    assert page.locator("#ex-list *").count() < 700
    # An open one keeps its height, and what is selected stays in the page.
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    selected = grid.get_attribute("aria-activedescendant")
    grid.evaluate("(node) => { node.scrollTop = 0 }")
    expect(page.locator(f"[id='{selected}']")).to_be_attached()
    page.keyboard.press("k")
    expect(page.locator(".ex-open")).to_be_in_viewport()


def test_mistake_dims_what_is_of_the_question_before(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}")
    expect(page.locator("#ex-status")).to_contain_text("496 entries")
    page.fill("#ex-query", "level:loud")
    page.press("#ex-query", "Enter")
    expect(page.locator("#ex-problem")).to_be_visible()
    expect(page.locator("#ex-status")).to_have_text("–")
    faded = "node => getComputedStyle(node).filter === 'grayscale(1)'"
    assert [page.locator(name).evaluate(faded) for name in ("#ex-list", "#ex-histogram", "#ex-levels")] == [True] * 3
    page.fill("#ex-query", "")
    page.press("#ex-query", "Enter")
    expect(page.locator("#ex-status")).to_contain_text("496 entries")
    assert not page.locator("#ex-list").evaluate(faded)


def test_drag_tells_its_range_and_one_search_is_one_record(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}")
    expect(page.locator("#ex-status")).to_contain_text("496 entries")
    page.locator("#ex-grid").evaluate("(node) => { node.scrollTop = node.scrollHeight }")
    expect(page.locator("#ex-grid")).to_have_attribute("aria-rowcount", "401")
    searches = AccessRecord.objects.exclude(query="level:error")  # the fixture's
    assert [record.action for record in searches] == ["search"]
    chart = page.locator("#ex-histogram").bounding_box()
    assert chart
    page.mouse.move(chart["x"] + chart["width"] / 2, chart["y"] + 40)
    page.mouse.down()
    page.mouse.move(chart["x"] + chart["width"] - 1, chart["y"] + 40, steps=4)
    expect(page.locator(".ex-tip")).to_contain_text("entries")
    expect(page.locator(".ex-tip strong")).to_contain_text(" – ")
    page.mouse.up()
    page.wait_for_url("**from=**")
    expect(page.locator("#ex-status")).not_to_contain_text("496 entries")
    expect(page.locator(".ex-tip")).to_be_hidden()
    assert searches.all().count() == 2


def test_context_of_the_whole_organisation(page: Page, shop: Shop) -> None:
    store_batch(shop.organisation, [line("of a client without a project", project="other", level="error")])
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=without")
    page.locator(".ex-line").first.click()
    page.keyboard.press("c")
    context = page.locator("#ex-drawer")
    expect(context).to_contain_text("0 entries before")
    context.get_by_role("button", name="Whole organisation").click()
    expect(context).to_contain_text("30 entries before")
    expect(context.locator(".ex-anchor")).to_contain_text("without a project")
    assert "scope=organisation" in page.url


def test_chart_of_days_on_which_clocks_change_names_each_day_once(page: Page, shop: Shop) -> None:
    page.add_init_script("delete Crypto.prototype.randomUUID")  # as for pages that came by plain HTTP
    week = "from=2026-10-22T22:00:00Z&to=2026-10-29T23:00:00Z&zone=Europe/Berlin"
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&{week}")
    days = [f"10-{day}" for day in range(24, 30)]
    expect(page.locator(".ex-tick")).to_have_text(days)
