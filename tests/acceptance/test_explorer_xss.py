"""Hostile log content stays text: in every field, key and value, in a real browser with the policy on."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, StorageState, ViewportSize, expect

from tests.acceptance.product import Product
from tests.browser import chromium, signed_in
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

PAGE = "/admin/explorer/"
#: All rows are in the page.
TALL = ViewportSize(width=1280, height=2600)
ROOT = Path(__file__).resolve().parent.parent.parent
#: Each would set window.pwned, or fetch /pwned, where it were taken for markup or code.
CORPUS = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><img src=/pwned onerror=window.pwned=1>',
    "'><svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>",
    "<iframe src='javascript:window.pwned=1'></iframe>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<body onload=window.pwned=1>",
    "<input autofocus onfocus=window.pwned=1>",
    "<details open ontoggle=window.pwned=1>",
    "<video><source onerror=window.pwned=1></video>",
    "<audio src=x onerror=window.pwned=1>",
    "<math><mtext></p><img src=x onerror=window.pwned=1></mtext></math>",
    "<a href='javascript:window.pwned=1'>click</a>",
    "javascript:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "<object data='data:text/html,<script>window.pwned=1</script>'>",
    "<embed src='javascript:window.pwned=1'>",
    "<link rel=stylesheet href=/pwned>",
    "<style>@import '/pwned'; body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=/pwned'>",
    "<base href='/pwned/'>",
    "<form action=/pwned><button autofocus>x</button></form>",
    "<template><script>window.pwned=1</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.pwned=1>'>",
    "<!--><script>window.pwned=1</script-->",
    "<![CDATA[<script>window.pwned=1</script>]]>",
    "{{constructor.constructor('window.pwned=1')()}}",
    "${window.pwned=1}",
    "';window.pwned=1;//",
    '";window.pwned=1;//',
    "`;window.pwned=1;//",
    "\\u003cscript\\u003ewindow.pwned=1\\u003c/script\\u003e",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "<scr<script>ipt>window.pwned=1</scr</script>ipt>",
    "<ScRiPt/x>window.pwned=1</sCrIpT>",
    "<img\tsrc=x\nonerror=window.pwned=1>",
    "\u202e<img src=x onerror=window.pwned=1>",
    "__proto__",
    "constructor",
]
INJECTED = (
    "#ex :is(script:not(#configuration), img, iframe, object, embed, video, audio, math, style, link, meta, base,"
    " template, animate), #ex [onerror], #ex [onload], #ex [onfocus], #ex [ontoggle], #ex a[href^='javascript' i]"
)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, since its organisation gets a hostile name."""
    hostile = Product(tmp_path_factory.mktemp("hostile") / "var").prepared().start()
    entries = [_entry(text, number) for number, text in enumerate(CORPUS)]
    assert hostile.post({"logs": entries}).status_code == 200
    hostile.wait_until_stored(len(entries))
    hostile.query("UPDATE accounts_organisation SET name = %s", CORPUS[1])
    yield hostile
    hostile.stop()


def _entry(text: str, number: int = 0) -> dict[str, Any]:
    short = text[:120]
    return {
        "timestamp": (datetime.now(UTC) - timedelta(seconds=number)).isoformat(),
        "level": "error",
        "message": text,
        "environment": short,
        "project_id": short,
        "trace_id": short,
        "span_id": short,
        "parent_span_id": short,
        "metadata": {text: text, "nested": {text: [text, {text: text}]}, "number": number},
        "error": {
            "type": text, "message": text, "fingerprint": text, "stack_trace": [text, f"at {text} (x.ts:1:1)"],
            "context": {text: text},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def session(browser: Browser, mine: Product) -> StorageState:
    return signed_in(browser, mine.base_url, *mine.admin)


@pytest.fixture
def page(browser: Browser, mine: Product, session: StorageState) -> Iterator[Page]:
    """A page that notes dialogs, violations of the policy and requests for what only hostile content names."""
    with browser.new_context(viewport=TALL, storage_state=session) as context:
        page = context.new_page()
        alarms: list[str] = []

        def note(dialog: Dialog) -> None:
            alarms.append(f"dialog {dialog.message}")
            dialog.dismiss()

        page.on("dialog", note)
        page.on("pageerror", lambda error: alarms.append(f"error {error}"))
        page.on("request", lambda request: alarms.append(request.url) if request.url.endswith("/pwned") else None)
        page.expose_function("alarm", lambda directive: alarms.append(directive))
        page.add_init_script("addEventListener('securitypolicyviolation', event => alarm(event.violatedDirective))")
        yield page
        _assert_inert(page)
        assert alarms == []


def _assert_inert(page: Page) -> None:
    assert page.evaluate("window.pwned") is None
    assert page.locator(INJECTED).count() == 0


def test_policy_is_on_and_bites(page: Page, mine: Product) -> None:
    """The alarm would sound: text does not become a script, neither assigned nor appended."""
    response = page.goto(mine.base_url + PAGE)
    assert response
    assert "script-src 'self';" in response.headers["content-security-policy"]
    page.evaluate("window.alarm = () => { window.heard = 1 }")
    with pytest.raises(Error, match="TrustedScript"):
        page.evaluate("document.createElement('script').textContent = 'window.pwned=1'")
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<p>pwned</p>'")
    page.evaluate("""() => {
      const script = document.createElement('script');
      script.append('window.pwned = 1');
      document.head.append(script);
    }""")
    wait_until(lambda: page.evaluate("window.heard") == 1)
    assert page.evaluate("window.pwned") is None


def test_open_entries_are_inert(page: Page, mine: Product) -> None:
    page.goto(f"{mine.base_url}{PAGE}?range=1h")
    expect(page.locator("#ex-grid")).to_have_attribute("aria-rowcount", str(len(CORPUS) + 1))
    assert page.locator(".ll-bar-organisation").inner_text() == CORPUS[1]
    shown: list[str] = []
    names: set[str] = set()
    for _ in CORPUS:
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.locator(".ex-details details").evaluate("node => { node.open = true }")
        expect(page.locator(".ex-raw .ex-json-key").first).to_be_attached()
        shown += page.locator(".ex-message").all_text_contents()
        names |= set(page.locator(".ex-fields th").all_text_contents())
        _assert_inert(page)
        page.keyboard.press("Enter")
    assert shown == CORPUS
    assert set(CORPUS) <= names


def test_columns_filters_and_completion_are_inert(page: Page, mine: Product) -> None:
    for text in (CORPUS[2], CORPUS[4], CORPUS[40]):
        columns = text.replace("\\", "\\\\").replace(",", "\\,")
        page.goto(f"{mine.base_url}{PAGE}?{urlencode({'range': '1h', 'columns': columns, 'query': 'number:>=0'})}")
        expect(page.locator(".ex-head-name")).to_have_text(text)
        expect(page.locator("#ex.ex-busy")).to_have_count(0)  # with what is found the head is drawn anew
        page.locator("#ex-shape-button").click()
        expect(page.locator(".ex-column-name")).to_have_text(text)
        page.keyboard.press("Escape")
        row = page.locator(".ex-item").nth(CORPUS.index(text))
        expect(row.locator(".ex-cell")).to_have_text(text)
        row.locator(".ex-line").evaluate("node => node.click()")
        row.locator("tr[data-field='error.fingerprint'] [title='Filter for this value']").evaluate(
            "node => node.click()"
        )
        expect(page.locator(".ex-item")).to_have_count(1)
        expect(page.locator("#ex-problem")).to_be_hidden()
        _assert_inert(page)
    page.goto(f"{mine.base_url}{PAGE}?range=1h")
    for typed in ("<", "environment:", "error.type:", "trace:", "script"):
        page.fill("#ex-query", "")
        page.type("#ex-query", typed)
        page.locator("#ex-completion li").first.wait_for()
        _assert_inert(page)


@pytest.mark.parametrize("text", [CORPUS[0], CORPUS[3], CORPUS[22], CORPUS[40]])
def test_trace_context_and_queries_are_inert(page: Page, mine: Product, text: str) -> None:
    page.goto(f"{mine.base_url}{PAGE}?{urlencode({'range': '1h', 'view': 'trace', 'of': text})}")
    expect(page.locator("#ex-drawer .ex-item")).to_have_count(1)
    entry_id = page.locator("#ex-drawer .ex-item").get_attribute("data-id")
    page.goto(f"{mine.base_url}{PAGE}?{urlencode({'range': '1h', 'view': 'context', 'of': entry_id})}")
    expect(page.locator("#ex-drawer .ex-anchor")).to_be_visible()
    hostile = {"query": f"level:loud {text}", "range": text, "levels": text, "zone": text, "entry": text}
    page.goto(f"{mine.base_url}{PAGE}?{urlencode(hostile)}")
    expect(page.locator("#ex-problem, .ex-item, #ex-empty").locator("visible=true").first).to_be_visible()


def test_live_entries_are_inert(page: Page, mine: Product) -> None:
    page.goto(f"{mine.base_url}{PAGE}?range=5m&query=lively&live=1")
    expect(page.locator("#ex-live-words")).to_have_text("Live")
    fresh = [_entry("lively " + text) for text in CORPUS]  # a word that is in none of them
    assert mine.post({"logs": fresh}).status_code == 200
    expect(page.locator(".ex-fresh")).to_have_count(len(CORPUS))


def test_saved_searches_are_inert(page: Page, mine: Product) -> None:
    query = f'"{CORPUS[2]}"'  # a phrase: what is no query is looked at by nobody, and recorded nowhere
    with page.expect_response(lambda answer: "/search" in answer.url):
        page.goto(f"{mine.base_url}{PAGE}?{urlencode({'query': query, 'range': '1h'})}")
    page.get_by_role("button", name="Saved").click()
    page.fill("#ex-saved-name", CORPUS[3])
    page.locator("#ex-saved-form [type=submit]").click()
    expect(page.locator("#ex-saved-list strong")).to_have_text(CORPUS[3])
    for path in ("/admin/explore/savedsearch/", "/admin/accounts/accessrecord/"):
        page.goto(mine.base_url + path)
        expect(page.locator("#result_list")).to_contain_text(CORPUS[2])


def test_no_code_of_ours_turns_text_into_markup() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment"
        r"|mark_safe|\|\s*safe\b|autoescape off|setHTMLUnsafe"
    )
    sources = [
        *(ROOT / "explore").rglob("*.js"), *(ROOT / "explore").rglob("*.py"),
        *(ROOT / "templates" / "admin" / "explore").rglob("*.html"),
    ]  # fmt: skip
    assert len(sources) > 20
    assert [(path.name, found[0]) for path in sources for found in forbidden.finditer(path.read_text())] == []
