"""A key's whole life in a browser, against the whole product: the story that docs/keys.md tells.

Each page is drawn in both sizes and both themes, and must not overflow its window.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.acceptance.product import Product
from tests.pictures import keep
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)


@pytest.fixture
def page() -> Iterator[Page]:
    if not CHROMIUM.exists():
        pytest.skip(f"NOT TESTED IN A BROWSER: {CHROMIUM} is missing (apt-get install chromium-headless-shell)")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened = browser.new_context(viewport=WIDE, color_scheme="light").new_page()
        opened.set_default_timeout(DEADLINE_SECONDS * 1000)
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert complaints == []  # among them every breach of the content security policy


def look(page: Page, name: str) -> None:
    """Draw the page in both sizes and both themes; nothing may stick out of the window."""
    page.wait_for_load_state("networkidle")
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        for theme in ("light", "dark"):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} {width}"
            keep(page, f"{name}-{width}-{theme}", whole=True)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def post(product: Product, key: str, **headers: str) -> int:
    entry = {"timestamp": datetime.now(UTC).isoformat(), "level": "info", "message": "A key's life"}
    headers = {"x-api-key": key, "user-agent": "shop/2.1", **headers}
    return requests.post(
        f"{product.base_url}/v1/logs", json={"logs": [entry]}, headers=headers, timeout=DEADLINE_SECONDS
    ).status_code


def post_in_body(product: Product, key: str) -> int:
    """Post as the older clients do, with the key in the body."""
    entry = {"timestamp": datetime.now(UTC).isoformat(), "level": "info", "message": "An older client"}
    body: dict[str, Any] = {"api_key": key, "logs": [entry]}
    return requests.post(f"{product.base_url}/v1/logs", json=body, timeout=DEADLINE_SECONDS).status_code


def issued_secret(page: Page) -> str:
    """Read the key off the page that shows it, and check that no way leads back to it."""
    page.wait_for_load_state()  # until then its buttons do nothing
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert secret not in page.url
    return secret


def leave(page: Page, secret: str) -> None:
    """Reload: the address has become the key's own page, which does not show the key."""
    page.reload()
    assert secret not in page.content()
    page.go_back()
    assert secret not in page.content()


def test_a_key_lives_from_issue_to_revocation(product: Product, page: Page) -> None:
    page.goto(f"{product.base_url}/admin/")
    look(page, "log-in")
    username, password = product.admin
    page.fill("#id_username", username)
    page.fill("#id_password", password)
    page.click("input[type=submit]")
    page.wait_for_selector("text=Pipeline")

    # An organisation, its plan and its project, on one page.
    page.goto(f"{product.base_url}/admin/accounts/organisation/add/")
    page.fill("#id_name", "Acme Outfitters")
    page.locator("#id_name").press("Tab")
    page.select_option("#id_quota-0-plan", label="Scale")
    page.get_by_text("Add another Project").click()
    page.fill("#id_projects-0-name", "Shop")
    page.locator("#id_projects-0-name").press("Tab")
    look(page, "new-organisation")
    page.click("input[name=_continue]")
    page.wait_for_selector(".messagelist .success")

    # A key, shown once; it works.
    page.get_by_role("link", name="Issue a key").click()
    page.fill("#id_name", "shop backend")
    look(page, "issue")
    page.click("input[value='Issue the key']")
    page.wait_for_selector("#secret")
    look(page, "issued")
    old = issued_secret(page)
    assert post(product, old) == 200
    leave(page, old)
    page.goto(f"{product.base_url}/admin/accounts/apikey/?q=shop")
    page.get_by_role("link", name="shop backend").first.click()
    old_page = page.url
    look(page, "key")

    # Rotated: both work, and whoever still uses the old one is listed.
    page.get_by_role("link", name="Rotate").click()
    look(page, "rotate")
    page.click("input[value=Rotate]")
    page.wait_for_selector("#secret")
    new = issued_secret(page)
    assert old != new
    leave(page, new)
    assert post(product, new) == 200

    def is_a_straggler() -> bool:
        assert post(product, old) == 200
        page.goto(f"{product.base_url}/admin/accounts/apikey/?standing=straggling")
        return page.get_by_role("link", name="shop backend").count() > 0

    wait_until(is_a_straggler, seconds=3 * DEADLINE_SECONDS)  # last use is noted once a minute and kept every 30 s
    look(page, "stragglers")

    def names_its_worker() -> bool:  # Valkey is given a moment to answer, and no more
        page.goto(f"{product.base_url}/admin/")
        return "Worker celery@" in page.inner_text(".today")

    wait_until(names_its_worker)
    assert "127.0.0.1" in page.inner_text(".today")
    look(page, "today")
    page.goto(f"{product.base_url}/admin/accounts/organisation/?q=acme")
    page.get_by_role("link", name="Acme Outfitters").click()
    look(page, "organisation")

    # Revoked: refused within 10 seconds, the successor works on.
    page.goto(old_page)
    assert "shop/2.1" in page.inner_text(".facts")
    page.get_by_role("link", name="Revoke").click()
    page.fill("#id_reason", "Everybody has moved to the successor")
    look(page, "revoke")
    page.click("input[value='Revoke for ever']")
    page.wait_for_selector(".messagelist .success")
    wait_until(lambda: post(product, old) == 401, what="a revocation that bites")
    assert post(product, new) == 200
    look(page, "revoked")
    page.goto(f"{product.base_url}/admin/auditlog/logentry/")
    look(page, "audit-trail")
    assert post_in_body(product, new) == 200
    product.wait_until_stored(1, "message = 'An older client'")
    assert product.leaked_keys() == {}
