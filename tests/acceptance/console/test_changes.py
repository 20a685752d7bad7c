"""What changed since the deploy, in a real browser: by a release, by the time before, by a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from issues.models import Release
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
DEPLOYED = timedelta(minutes=20)
FAILED = {"error": {"type": "CardError", "message": "declined"}, "metadata": {"release": "2.4.1"}}


def deploy(shop: Shop) -> datetime:
    """Store what a step of a shop says around a deploy: cards are declined since, and retried more often."""
    deployed = (datetime.now(UTC) - DEPLOYED).replace(second=0, microsecond=0)

    def some(message: str, times: range, **fields: Any) -> list[dict[str, Any]]:
        return [line(f"{message} {n}", timestamp=deployed + timedelta(seconds=n * 8), **fields) for n in times if n]

    entries = [
        *some("Ordered", range(-140, 140)),
        *some("Retry", range(-140, 0, 12), level="warn"),
        *some("Retry", range(0, 140, 2), level="warn"),
        *some("Cache warmed for", range(-100, 0)),
        *some("Card declined for", range(5, 140, 9), level="error", **FAILED),
    ]
    store_batch(shop.organisation, entries, project="checkout")
    Release.objects.filter(release="2.4.1").update(first_seen=deployed + timedelta(seconds=45))
    return deployed


def told(page: Page) -> Locator:
    return page.get_by_role("region", name="Patterns").locator("tbody tr")


def values_told(page: Page) -> Locator:
    return page.get_by_role("region", name="Values of fields").locator("tbody tr")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_changed_since_the_deploy(counted: Page, shop: Shop, size: Any) -> None:
    deploy(shop)
    page = counted
    page.set_viewport_size(size)
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=project:checkout")
    expect(page.locator("#ex-status")).to_contain_text("entries")
    with at_most(5, page):
        page.get_by_role("button", name="Patterns", exact=True).click()
        page.get_by_role("button", name="What has changed?").click()
        keep(page, f"compare-{size['width']}-light")
        page.get_by_role("button", name="2.4.1 checkout").click()
        expect(told(page)).to_have_count(4)
        expect(told(page).nth(0)).to_contain_text("new")
        expect(told(page).nth(0)).to_contain_text("Card declined for <n>")
        expect(told(page).nth(1)).to_contain_text("×")
        expect(told(page).nth(1)).to_contain_text("Retry <n>")
        expect(told(page).nth(2)).to_contain_text("Ordered <n>")
        expect(told(page).nth(3)).to_contain_text("gone")
        expect(values_told(page).filter(has_text="CardError")).to_contain_text("new")
        page.get_by_role("button", name="Card declined for <n>").click()
        expect(page.locator("#ex-status")).to_contain_text("15 entries")
        expect(page.locator(".ex-line")).to_have_count(15)
        page.locator(".ex-line").first.click()
        expect(page.locator(".ex-open")).to_contain_text("CardError")
    page.go_back()
    expect(page.locator(".ex-compare strong")).to_contain_text("Compared with before")
    page.reload()
    expect(told(page).nth(0)).to_contain_text("new")
    expect(values_told(page).filter(has_text="CardError")).to_contain_text("new")
    if page.locator("#ex-chart").is_visible():
        expect(page.locator(".ex-since")).to_be_attached()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        keep(page, f"changes-{size['width']}-{scheme}")


def test_any_time_is_compared_with_as_long_before(page: Page, shop: Shop) -> None:
    deployed = deploy(shop)
    ends = f"from={deployed.isoformat()[:19]}Z&to={(deployed + timedelta(minutes=10)).isoformat()[:19]}Z"
    page.goto(
        f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=project:checkout&{ends}&show=patterns"
    )
    page.get_by_role("button", name="What has changed?").click()
    page.get_by_role("button", name="Against as long a time before").click()
    expect(page.locator(".ex-compare strong")).to_have_text("Compared with the time before")
    expect(told(page).nth(0)).to_contain_text("Card declined for <n>")
    page.get_by_role("button", name="Cache warmed for <n>").click()
    expect(page.locator("#ex-status")).to_contain_text("75 entries")  # of before
    page.go_back()
    expect(told(page)).to_have_count(4)
    page.get_by_role("button", name="Errors only").wait_for(state="detached")
    page.get_by_role("button", name="Do not compare").click()
    expect(told(page)).to_have_count(3)
    expect(page.locator(".ex-compare strong")).to_have_count(0)


def test_moment_outside_of_the_range_brings_one_that_holds_it(page: Page, shop: Shop) -> None:
    deployed = deploy(shop)
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&range=5m&show=patterns&zone=UTC")
    page.get_by_role("button", name="What has changed?").click()
    page.locator("#ex-compare-moment").fill(deployed.isoformat()[:19])
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".ex-compare strong")).to_contain_text("Compared with before")
    expect(told(page).filter(has_text="Card declined for <n>")).to_contain_text("new")
    expect(values_told(page).filter(has_text="CardError")).to_contain_text("new")
    page.locator("#ex-range-button").click()
    page.get_by_role("button", name="last 5 minutes", exact=True).click()
    expect(page.locator(".ex-compare")).to_contain_text("is not within this range")
