"""Alerts in a browser: from a search to a rule that is tried and saved, to its incident, until that is over."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from alerts.models import Incident, Rule
from ingest import doors
from tests.acceptance.console.conftest import Shop
from tests.alerts import BASE, look_at
from tests.errors import failure, store
from tests.organisations import caller_of

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

#: Minutes until all is quiet again.
LATER = 20


def minutes() -> float:
    """Return how many minutes after `BASE` it is."""
    return (datetime.now(UTC) - BASE).total_seconds() / 60


def test_search_becomes_a_rule_that_finds_an_incident_and_says_when_it_is_over(page: Page, shop: Shop) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}")
    page.locator("#ex-query").fill("insufficient funds")
    page.keyboard.press("Enter")
    alert = page.get_by_role("link", name="Alert me")
    expect(alert).to_have_attribute("href", re.compile("query=insufficient"))
    alert.click()

    expect(page.get_by_label("Query")).to_have_value("insufficient funds")
    expect(page.get_by_label("Ratio percent")).to_be_hidden()
    page.get_by_label("Count threshold").fill("5")
    page.get_by_role("button", name="See what it would have found").click()
    found = page.locator("#found")
    expect(found.locator(".facts")).to_contain_text("Incidents1")
    expect(found.locator("figcaption")).to_contain_text("It fires at 5; the most was")
    expect(found.locator("canvas")).to_be_visible()
    assert not Rule.objects.exists()
    page.get_by_label("Rule name").fill("No money")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")

    look_at(minutes())
    store(caller_of(shop.api_key), *[failure(message="insufficient funds")] * 6)
    look_at(minutes())
    page.get_by_role("link", name="Alerts", exact=True).click()
    row = page.get_by_role("region", name="Incidents").get_by_role("row").filter(has_text="No money")
    expect(row).to_contain_text("6 found in 5 min, 5 or more")
    row.get_by_role("link").click()
    expect(page.locator(".ll-group-facts")).to_contain_text("open")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".ll-acts")).to_contain_text("acknowledged by admin")
    look_at(minutes() + LATER)
    page.reload()
    expect(page.locator(".ll-group-facts")).to_contain_text("over")
    page.get_by_role("link", name="In the explorer").click()
    expect(page.locator("#ex-query")).to_have_value("(insufficient funds)")
    expect(page.locator("#ex.ex-busy")).to_have_count(0)
    assert Incident.objects.get().closed_at
    assert not wrong
    doors.forget()


def test_error_group_leads_to_a_rule_for_its_type(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/errors/1/?organisation={shop.organisation.slug}")
    page.get_by_role("link", name="Alert me…").click()
    expect(page.get_by_label("Error type")).to_have_value("PaymentError")
    expect(page.get_by_label("Kind")).to_have_value("threshold")
    page.get_by_label("Kind").select_option("monitor")
    expect(page.get_by_label("Error type")).to_be_hidden()
    page.get_by_label("Error type").evaluate("field => field.value = ''")
    page.get_by_label("Project").evaluate("field => field.value = ''")
    page.get_by_role("button", name="See what it would have found").click()
    expect(page.locator("#found")).to_contain_text("A monitor begins with its first heartbeat")
