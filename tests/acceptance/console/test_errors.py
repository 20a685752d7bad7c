"""Errors in a browser: from the list to a group, to its entry in the explorer and back; resolved, and unresolved."""

import re

import pytest
from playwright.sync_api import Page, expect

from issues.models import Group
from tests.acceptance.console.conftest import Shop
from tests.entries import line, store_batch

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


def test_error_is_found_looked_into_and_resolved(page: Page, shop: Shop) -> None:
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{shop.url}/admin/")
    page.get_by_role("link", name="Errors").click()
    row = page.locator(".ll-errors tbody tr")
    expect(row).to_contain_text("PaymentError: Insufficient funds")
    expect(row).to_contain_text("71")
    expect(row.locator(".ll-new")).to_be_visible()
    row.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("#1")
    expect(page.locator(".ll-stack")).to_contain_text("payment.ts")
    expect(page.locator(".ll-library")).to_be_hidden()
    page.get_by_text("2 library frames").click()
    expect(page.locator(".ll-library")).to_contain_text("p-retry")
    evidence = page.locator("#evidence")
    expect(evidence).to_contain_text("others of the same project")
    expect(evidence.locator("[data-unread]")).to_have_count(0)
    evidence.get_by_role("link", name="Gather anew").click()
    expect(evidence).to_contain_text("gathered")

    page.locator(".ll-links").get_by_role("link", name="In the explorer").click()
    page.get_by_role("link", name="Error group #1").click()
    expect(page).to_have_url(f"{shop.url}/admin/errors/1/?organisation={shop.organisation.slug}")
    page.get_by_label("Release that resolves it").fill("2.4.2")
    page.keyboard.press("Enter")
    expect(page.locator(".ll-group-facts")).to_contain_text("resolved in 2.4.2")
    page.get_by_role("button", name="Unresolve").click()
    expect(page.locator(".messagelist")).to_contain_text("Unresolved.")
    expect(page.locator("[data-link]")).to_be_visible()  # the keys are there
    page.keyboard.press("Shift+I")
    expect(page.locator(".messagelist")).to_contain_text("Ignored for a day.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".messagelist")).to_contain_text("Taken back.")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("Resolved.")
    expect(page.locator(".ll-acts")).to_contain_text("by admin")

    page.get_by_role("link", name=re.compile("^Errors of")).click()
    expect(page.locator(".ll-empty")).to_contain_text("No group is found so.")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".ll-all")).to_be_visible()  # the keys are there
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[name=number]")).to_be_checked()
    page.get_by_role("button", name="Unresolve").click()
    expect(page.locator(".messagelist")).to_contain_text("1 group: Unresolved.")
    assert Group.objects.get().state == Group.State.UNRESOLVED

    card = {"type": "CardError", "message": "card refused", "stack_trace": ["    at charge (/srv/app/src/card.ts:7:1)"]}
    store_batch(shop.organisation, [line("Card refused", level="error", error=card)] * 12)
    page.reload()
    expect(page.locator(".ll-all")).to_be_visible()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator(".ll-how-many")).to_have_text("2 ticked")
    page.keyboard.press("m")
    expect(page.locator(".ll-sums tfoot")).to_contain_text("83")
    page.get_by_role("button", name="Merge 2 groups into #1").click()
    expect(page.locator(".facts")).to_contain_text("83")
    page.get_by_role("link", name="Take it back").click()
    expect(page.locator(".ll-sums")).to_contain_text("as before it was merged")
    page.get_by_role("button", name="Split off 1 group").click()
    expect(page.locator(".facts")).to_contain_text("71")
    assert set(Group.objects.values_list("number", "merged_into")) == {(1, None), (2, None)}
    assert not wrong


def test_spike_is_seen_understood_resolved_and_comes_back(page: Page, shop: Shop) -> None:
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    error = {
        "type": "CardError",
        "message": "card refused",
        "stack_trace": ["    at charge (/srv/app/src/card.ts:7:1)"],
    }

    def fail(count: int, release: str) -> None:
        metadata = {"release": release, "card": {"brand": "visa"}}
        one = line("Card refused", level="error", error=error, metadata=metadata, trace_id="7f3b0c52")
        store_batch(shop.organisation, [one] * count)

    asked = line("POST /charge", metadata={"release": "2.4.1", "card": {"brand": "amex"}}, trace_id="7f3b0c52")
    store_batch(shop.organisation, [asked] * 60)
    fail(40, "2.4.1")
    page.goto(f"{shop.url}/admin/")
    page.get_by_role("link", name="#2 CardError").click()
    expect(page.locator(".ll-group-facts .ll-new")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("40")
    evidence = page.locator("#evidence")
    expect(evidence.get_by_role("row").filter(has_text="card.brand")).to_contain_text("visa")
    page.locator(".ll-links").get_by_role("link", name="Trace").click()
    expect(page.get_by_role("dialog", name="Trace")).to_contain_text("100 entries")
    page.go_back()

    page.get_by_role("button", name="Resolve in the next release").click()
    expect(page.locator(".ll-group-facts")).to_contain_text("resolved in the next release")
    fail(3, "2.4.1")
    page.reload()
    expect(page.locator(".facts")).to_contain_text("Still seen in older releases3")
    expect(page.locator(".facts")).to_contain_text("43")
    expect(page.locator(".ll-group-facts")).to_contain_text("resolved in the next release")
    fail(1, "2.4.2")
    page.reload()
    expect(page.locator(".ll-group-facts")).to_contain_text("regressed")
    expect(page.locator(".ll-acts")).to_contain_text("Came back in 2.4.2")

    page.get_by_role("link", name=re.compile("^Errors of")).click()
    page.get_by_role("link", name="Regressed 1").click()
    expect(page.locator(".ll-errors tbody tr")).to_contain_text("CardError")
    assert not wrong
