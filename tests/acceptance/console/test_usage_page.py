"""The usage page of a busy organisation in a browser."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from accounts.caller import Caller
from accounts.models import ApiKey, Organisation, User
from quotas import ledger
from quotas.models import MonthlyUsage
from tests.acceptance.console.test_accessibility import REDRAWN
from tests.pictures import keep

pytestmark = [pytest.mark.acceptance, pytest.mark.django_db(transaction=True)]

SIZES = {"wide": ViewportSize(width=1280, height=900), "narrow": ViewportSize(width=390, height=844)}


def fill_month(caller: Caller) -> None:
    """Count thirty days of requests by two keys, busy by day and with a bad afternoon."""
    first = ApiKey.objects.get(pk=caller.api_key_id)
    second = ApiKey.objects.create(
        organisation=first.organisation, project=first.project, name="worker", sha256=b"2" * 32, prefix="ll_2b7c",
        suffix="90fe",
    )  # fmt: skip
    now = timezone.now()
    rows = []
    for hour in range(30 * 24):
        wave = 1.2 + math.sin(hour / 24 * 2 * math.pi) + 0.3 * math.sin(hour / 5)
        for api_key, share in ((first, 90), (second, 40)):
            for outcome, part in [
                ("accepted", 1),
                ("rate_limited", 0.5 if 100 < hour < 106 else 0.02),
                ("invalid_level", 0.05),
                ("below_level", 0.1),
                ("deduplicated", 0.04),
            ]:
                requests = max(0, int(share * wave * part))
                kept = outcome == "accepted"
                rows.append(
                    ledger.UsageRow(
                        now - timedelta(hours=hour), caller.organisation_id, api_key.pk, outcome, requests,
                        requests * 50 * (kept or outcome == "below_level"), requests * 12_000 * kept,
                    )
                )  # fmt: skip
    ledger.count(rows)
    ledger.open_month(caller.organisation_id)
    MonthlyUsage.objects.filter(organisation=caller.organisation_id).update(used_bytes=870_000_000, entries=3_600_000)


def test_the_usage_page_of_a_busy_organisation(
    browser: Browser, live_server: LiveServer, make_caller: Callable[..., Caller], admin_user: User
) -> None:
    caller = make_caller(requests_per_minute=600)
    fill_month(caller)
    client = Client()
    client.force_login(admin_user)
    organisation = Organisation.objects.get(pk=caller.organisation_id)
    address = f"{live_server.url}/admin/usage/?organisation={organisation.slug}"
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    complaints: list[str] = []

    with browser.new_context() as context:
        context.add_cookies([session])  # type: ignore[list-item]
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        for name, size in SIZES.items():
            for theme in ("light", "dark"):
                page.set_viewport_size(size)
                page.emulate_media(color_scheme=theme)
                expect(page.locator(".ll-chart canvas")).to_have_count(3)
                page.evaluate(REDRAWN)  # until then they are as wide as they were
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
                keep(page, f"usage-{name}-{theme}", whole=True)
        page.get_by_role("link", name="Week").click()
        expect(page.get_by_role("link", name="Week")).to_have_attribute("aria-current", "page")

    assert complaints == []
