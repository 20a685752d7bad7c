"""A shop in the database of tests, behind a server of this process, and one browser: cheaper than the whole product."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize
from pytest_django.live_server_helper import LiveServer

from accounts.caller import Caller
from accounts.models import AccessRecord, ApiKey, Organisation, User
from explore.models import SavedSearch
from ingest.models import DeadLetter
from notify import outbox
from notify.message import Message
from notify.models import NoticeChannel
from operations.models import Erasure
from quotas import ledger
from storage.models import ArchivedDay, DroppedPartition, LoadedPart
from tests.acceptance.shop import outage
from tests.browser import chromium
from tests.entries import store_batch

WIDE, NARROW = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)


@dataclass(frozen=True)
class Shop:
    """A product with something on every page, and an organisation of which there is nothing."""

    url: str
    organisation: Organisation
    api_key: ApiKey


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests. Playwright runs a loop in this thread, in which Django would not ask the database."""
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield found


@pytest.fixture
def shop(browser: Browser, live_server: LiveServer, make_caller: Callable[..., Caller], admin_user: User) -> Shop:
    caller = make_caller(requests_per_minute=600)
    api_key = ApiKey.objects.get(pk=caller.api_key_id)
    organisation, now = api_key.organisation, datetime.now(UTC)
    store_batch(organisation, outage(now))
    outcomes = [("accepted", 90), ("rate_limited", 5), ("invalid_level", 3)]
    ledger.count(
        ledger.UsageRow(now - timedelta(hours=hour), organisation.pk, api_key.pk, outcome, requests, requests, 9_000)
        for hour in range(50)
        for outcome, requests in outcomes
    )
    ledger.open_month(organisation.pk)
    SavedSearch.objects.create(owner=admin_user, organisation=organisation, name="Failed payments", query="payment")
    NoticeChannel.objects.create(organisation=organisation, kind="email", address="ops@example.com")
    told = Message(kind="alert.opened", title="A title", text="A text", occurred_at=now, subject="incident-17")
    outbox.put(organisation.pk, told, key="a")
    DroppedPartition.objects.create(day=now.date() - timedelta(days=40), entries=10, size_bytes=2**20)
    DeadLetter.objects.create(
        batch_id=1, position=0, organisation_id=organisation.pk, api_key_id=api_key.pk, project="shop",
        environment="production", received_at=now, period=now.date(), entries=1, size_bytes=9,
        payload=b"{}", reason="22P05",
    )  # fmt: skip
    AccessRecord.objects.create(
        user_id=admin_user.pk, username="admin", organisation_id=organisation.pk, organisation=organisation.slug,
        action="search", query="level:error",
    )  # fmt: skip
    Erasure.objects.create(
        organisation=organisation, kind="query", wanted="userId:7", digest="3f2a9c1b77de", reference="DPR-7",
        status="asked", asked_by_id=0, asked_by="root (at the server)",
    )  # fmt: skip
    _archive(organisation, now)
    Organisation.objects.create(name="Zero", slug="zero")
    return Shop(live_server.url, organisation, api_key)


def _archive(organisation: Organisation, now: datetime) -> None:
    """One day that is whole, one that is not, one that waits, and one that was read back."""
    whole, broken, waiting = (now.date() - timedelta(days=days) for days in (3, 2, 1))
    written = {"archive": "a" * 32, "written_at": now, "entries": 12_345, "size_bytes": 2**22, "object_bytes": 2**19}
    of = {"organisation_id": organisation.pk}
    ArchivedDay.objects.create(**of, day=whole, verified_at=now, **written)
    ArchivedDay.objects.create(**of, day=broken, verified_at=now, wrong="The object is gone.", **written)
    ArchivedDay.objects.create(**of, day=waiting, waits_since=now, tries=3, last_error="The disk is full.")
    LoadedPart.objects.create(
        **of, day=whole, archive="a" * 32, number=1, received_at=now, batch_ids=[2**40], entries=12_345,
        size_bytes=2**22, kept_until=now + timedelta(days=7), is_whole=True,
    )  # fmt: skip


@pytest.fixture
def page(browser: Browser, shop: Shop, admin_user: User) -> Iterator[Page]:
    client = Client()
    client.force_login(admin_user)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": shop.url}
    with browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce") as context:
        context.add_cookies([session])  # type: ignore[list-item]
        yield context.new_page()
