"""Pictures of pages, kept by browser tests where SCREENSHOTS names a folder: `make screenshots`."""

import os
import re

from playwright.sync_api import Page

from tests.processes import PROJECT

FOLDER = os.environ.get("SCREENSHOTS")
DOCUMENTS = "docs/images"
SHOWN = {
    name
    for page in [*PROJECT.glob("docs/*.md"), *PROJECT.glob("*.md")]
    for name in re.findall(r"\((?:docs/)?images/([\w-]+)\.png\)", page.read_text())
}


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture of the window, or of the `whole` page; of the documents' folder only what documents show."""
    if FOLDER and (FOLDER != DOCUMENTS or name in SHOWN):
        page.screenshot(path=PROJECT / FOLDER / f"{name}.png", full_page=whole, animations="disabled")
