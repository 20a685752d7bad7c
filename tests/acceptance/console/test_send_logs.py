"""From a new key to the first entry, in a real browser: copy the lines, run them, and the page says that it came."""

import subprocess

import pytest
from playwright.sync_api import Page, expect

from ingest.spool.drain import drain
from tests.acceptance.console.conftest import NARROW, Shop
from tests.acceptance.console.test_accessibility import look
from tests.waiting import DEADLINE_SECONDS

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


def run(lines: str) -> str:
    done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    return done.stdout + done.stderr


def test_copy_run_and_see_the_first_entry(page: Page, shop: Shop) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.url)
    page.goto(f"{shop.url}/admin/accounts/apikey/{shop.api_key.pk}/rotate/")
    page.get_by_role("button", name="Rotate").click()
    secret = page.locator("#secret").inner_text()
    curl = page.locator("#send-curl")
    expect(curl).to_be_visible()
    expect(page.locator(".ll-guide:visible")).to_have_count(1)
    assert look(page, "issued") == []
    curl.get_by_role("button").click()
    expect(curl.get_by_role("button")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()")
    assert secret in lines
    assert '"processed":1' in run(lines).replace(" ", "")
    drain()
    expect(page.locator("[data-wait-says]")).to_contain_text("1 entry stored, the first received")
    page.get_by_role("link", name="Look at it").click()
    expect(page.locator(".ex-item", has_text="Hello from curl").first).to_be_visible()


def test_an_old_keys_lines_wait_for_its_secret_and_tell_what_was_refused(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/accounts/apikey/{shop.api_key.pk}/change/")
    page.get_by_role("link", name="Send logs", exact=True).last.click()
    page.goto(f"{page.url}#send-fluent-bit")
    lines = page.locator("#send-fluent-bit pre")
    expect(lines).to_contain_text("x-api-key SECRET-OF-")
    page.get_by_label("The secret of").fill("ll_pasted")
    expect(lines).to_contain_text("x-api-key ll_pasted")
    page.get_by_role("link", name="Sentry's SDKs").click()
    expect(page.locator("#send-sentrys-sdks")).to_contain_text("refuse this key")
    assert look(page, "send-logs-sentry") == []
    page.set_viewport_size(NARROW)
    page.goto(f"{shop.url}/admin/explorer/?organisation=zero")
    page.get_by_role("link", name="Send logs").click()
    expect(page.get_by_role("heading", name="Send logs")).to_be_visible()
