"""A rule is made, tried, and bites: in a browser, from the page of an organisation to the explorer."""

from datetime import UTC, datetime

import pytest
import requests
from playwright.sync_api import Page, expect

from ingest.spool.drain import drain
from privacy import policies
from tests.acceptance.console.conftest import Shop
from tests.organisations import make_api_key

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]
MESSAGE = "EMP-4711 wrote to bob@example.com"


def test_rule_is_made_and_tried_and_an_entry_is_masked(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/accounts/organisation/{shop.organisation.pk}/change/")
    page.locator("#content-main").get_by_role("link", name="Privacy").click()
    page.locator("#id_own_rules-0-name").fill("employee")
    page.locator("#id_own_rules-0-pattern").fill(r"EMP-\d{4}")
    page.get_by_label("An entry, or any text").fill(MESSAGE)
    page.get_by_role("button", name="Try these rules").click()
    expect(page.locator("#after")).to_contain_text("[own.employee] wrote to [email:")
    expect(page.locator("#before")).to_contain_text(MESSAGE)
    page.get_by_role("button", name="Save these rules").click()
    expect(page.locator(".success")).to_be_visible()

    policies.forget()  # as they are within 10 seconds
    _, secret = make_api_key(shop.organisation)
    entry = {"timestamp": datetime.now(UTC).isoformat(), "level": "info", "message": MESSAGE}
    sent = requests.post(f"{shop.url}/v1/logs", json={"logs": [entry]}, headers={"x-api-key": secret}, timeout=30)
    assert sent.status_code == 200
    assert drain() == 1
    page.goto(f"{shop.url}/admin/explorer/?organisation={shop.organisation.slug}&query=bob%40example.com")
    expect(page.locator(".ex-item")).to_contain_text("[own.employee] wrote to [email:")
