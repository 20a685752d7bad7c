"""A real browser for tests: Debian's Chromium, driven by Playwright.

Its headless shell is the same engine without a window, for a third of the processor's time: what Playwright itself
brings for tests.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from tests.waiting import DEADLINE_SECONDS

SHELL, WHOLE = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
CHROMIUM = Path(os.environ.get("CHROMIUM", SHELL if SHELL.exists() else WHOLE))
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip, and say so, where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"NO BROWSER: {CHROMIUM} is not installed, so pages were NOT tested (apt-get install {SHELL.name})")
    with sync_playwright() as playwright:
        expect.set_options(timeout=DEADLINE_SECONDS * 1000)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        make = browser.new_context

        def make_patient(**options: Any) -> BrowserContext:
            context = make(**options)
            context.set_default_timeout(DEADLINE_SECONDS * 1000)
            return context

        browser.new_context = make_patient  # type: ignore[method-assign]
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, base_url: str, username: str, password: str) -> None:
    """Sign in to the admin."""
    page.goto(f"{base_url}/admin/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.click("[type=submit]")
    page.wait_for_url(f"{base_url}/admin/")


def signed_in(browser: Browser, base_url: str, username: str, password: str) -> StorageState:
    """Sign in once, for all contexts that are given what is returned."""
    with browser.new_context() as context:
        sign_in(context.new_page(), base_url, username, password)
        return context.storage_state()
