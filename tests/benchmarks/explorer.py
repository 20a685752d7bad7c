"""`make bench-explorer`: what the explorer costs a browser that has found 100,000 entries.

The whole product in a temporary folder with its static files collected, as in an image, and Chromium without a GPU.
Script is `ScriptDuration` of the DevTools protocol, of its thread's own time, a frame, less what the same scrolling
costs over an empty box of the same height in the same page.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, ViewportSize

from tests.acceptance.product import Product
from tests.acceptance.shop import outage
from tests.benchmarks import paper
from tests.browser import chromium, sign_in
from tests.processes import PROJECT
from tests.waiting import wait_until

WIDE = ViewportSize(width=1280, height=860)
SCROLLED_PX, FLUNG_PX = 58, 2_200
FRAMES = 240
OPENED = 20
#: What the explorer holds at most.
HELD = 20_000

#: Resolves with how many frames were blank: without a row at one of three heights.
SCROLL = """
async ({ box, by, frames, looks }) => {
  const place = document.querySelector(box);
  const inside = place.getBoundingClientRect();
  const heights = [0.2, 0.5, 0.8].map((share) => inside.top + inside.height * share);
  let [left, direction, blank] = [frames, 1, 0];
  return new Promise((done) => {
    const frame = () => {
      const isRow = (y) => document.elementFromPoint(inside.left + 300, y)?.closest(".ex-item");
      if (looks && !heights.every(isRow)) blank += 1;
      const before = place.scrollTop;
      place.scrollTop += direction * by;
      if (place.scrollTop === before) direction = -direction;
      if ((left -= 1) > 0) requestAnimationFrame(frame);
      else done(blank);
    };
    requestAnimationFrame(frame);
  });
}
"""
EMPTY = """
(pixels) => {
  const box = Object.assign(document.createElement("div"), { id: "empty" });
  const inside = document.createElement("div");
  inside.style.height = `${pixels}px`;
  const place = { position: "fixed", inset: "0 auto auto 0", width: "50px", height: "500px", overflow: "auto" };
  Object.assign(box.style, place, { opacity: 0 });
  box.append(inside);
  document.body.append(box);
}
"""
OPEN = """
async (nth) => {
  const line = document.querySelectorAll("#ex-list .ex-line")[nth];
  const began = performance.now();
  line.click();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const took = performance.now() - began;
  line.click();
  return took;
}
"""
FIRST_ROWS = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("#ex-list .ex-item")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRows = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


def main() -> None:
    """Start the product, fill it, measure, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.explorer", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    run = paper.begin("make bench-explorer")
    with filled(options.entries) as product, chromium() as browser:
        context = browser.new_context(viewport=WIDE)
        page = context.new_page()
        sign_in(page, product.base_url, *product.admin)
        cookies: list[Any] = context.cookies()
        colds = []
        for _ in range(5):
            with browser.new_context(viewport=WIDE) as cold:
                cold.add_cookies(cookies)
                colds.append(first_rows(cold.new_page(), product))
        rows = list(measured(page, product))
    cold_ms = statistics.median(milliseconds for milliseconds, *_ in colds)
    _, compressed, requests = colds[0]
    table = paper.table(
        ["", "goal", "measured"],
        [
            ["first rows with an empty cache, ms, median of 5", "≤ 1,000", f"{cold_ms:,.0f}"],
            ["compressed, without entries, kB", "≤ 120", f"{compressed / 1000:.1f}"],
            ["requests until then", "", requests],
            *rows,
        ],
    )
    text = f"{run}; {options.entries:,} entries found, {HELD:,} of them in the page.\n\n{table}"
    print(text)
    if options.write:
        paper.write("explorer", text)


@contextmanager
def filled(entries: int) -> Iterator[Product]:
    """Run a product with so many entries of the last hour, and its static files collected."""
    with tempfile.TemporaryDirectory() as temporary:
        collected = Path(temporary) / "static"
        product = Product(Path(temporary) / "var", LUMINALOG_STATIC_ROOT=str(collected))
        collect = [str(PROJECT / "bin/luminalog"), "collectstatic", "--no-input"]
        subprocess.run(
            collect, check=True, stdout=subprocess.DEVNULL, cwd=PROJECT,
            env=product.environment | {
                "SECRET_KEY": "x" * 25 + "abcdefghijklmnopqrstuvwxyz", "DATABASE_URL": "postgresql://localhost/none",
                "VALKEY_URL": "redis://localhost", "LUMINALOG_DEVELOPMENT": "1",
            },
        )  # fmt: skip
        product.start()
        try:
            sent = 0
            while sent < entries:
                now = datetime.now(UTC) - timedelta(milliseconds=sent)
                part = (outage(now) * 3)[: min(1_000, entries - sent)]
                answer = product.post({"logs": part})
                if answer.status_code == 200:
                    sent += len(part)
            counted = "SELECT count(*) FROM storage_entry"
            wait_until(lambda: product.query(counted) == [(entries,)], seconds=300)
            yield product
        finally:
            product.stop()


def first_rows(page: Page, product: Product) -> tuple[float, int, int]:
    """Open the explorer with an empty cache; return milliseconds until rows, bytes without entries, requests."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}
    cdp.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    cdp.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.add_init_script(FIRST_ROWS)
    page.goto(f"{product.base_url}/admin/explorer/?range=24h")
    page.wait_for_load_state("networkidle")
    took = page.evaluate("window.firstRows")
    ours = [request for request, url in urls.items() if "/explore/explorer/" not in url]
    return took, sum(sizes.get(request, 0) for request in ours), len(urls)


def measured(page: Page, product: Product) -> Iterator[list[object]]:
    """Yield a row for each thing that is measured in one page that holds as many entries as it may."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})  # the processor's time: others may be at work
    page.goto(f"{product.base_url}/admin/explorer/?range=24h")
    grid = page.locator("#ex-grid")

    def is_full() -> bool:
        grid.evaluate("node => { node.scrollTop = node.scrollHeight }")
        return int(grid.get_attribute("aria-rowcount") or 0) > HELD

    wait_until(is_full, seconds=300)
    grid.evaluate("node => { node.scrollTop = 0 }")
    page.evaluate(EMPTY, grid.evaluate("node => node.scrollHeight"))
    for name, by, goal in (("scrolled", SCROLLED_PX, 3), ("flung", FLUNG_PX, 8)):
        empty = script_ms(page, cdp, box="#empty", by=by)
        ours = script_ms(page, cdp, box="#ex-grid", by=by)
        blank = page.evaluate(SCROLL, {"box": "#ex-grid", "by": by, "frames": FRAMES, "looks": True})
        yield [
            f"script a {name} frame, {by:,} px, ms; over an empty box",
            f"≤ {goal}",
            f"{ours - empty:.1f}; {empty:.1f}",
        ]
        yield [f"blank frames of {FRAMES}, {name}", 0, blank]
    opened = [page.evaluate(OPEN, nth) for nth in range(5, 5 + OPENED)]
    yield [
        f"opening an entry, ms, median · most of {OPENED}",
        "≤ 100",
        f"{statistics.median(opened):.0f} · {max(opened):.0f}",
    ]
    yield ["nodes in the page · of rows", "· < 700", page.evaluate(
        "`${document.querySelectorAll('*').length} · ${document.querySelectorAll('#ex-list *').length}`")]  # fmt: skip
    yield ["memory of scripts, MB", "", f"{metric(cdp, 'JSHeapUsedSize') / 1e6:.0f}"]


def script_ms(page: Page, cdp: CDPSession, *, box: str, by: int) -> float:
    """Return the milliseconds of script a frame while `box` is scrolled."""
    before = metric(cdp, "ScriptDuration")
    page.evaluate(SCROLL, {"box": box, "by": by, "frames": FRAMES, "looks": False})
    return (metric(cdp, "ScriptDuration") - before) * 1000 / FRAMES


def metric(cdp: CDPSession, name: str) -> float:
    """Return one of the figures that Chromium keeps of a page."""
    found: dict[str, float] = {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}
    return found[name]


if __name__ == "__main__":
    os.chdir(PROJECT)
    main()
