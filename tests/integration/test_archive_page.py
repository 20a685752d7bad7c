"""The console's page of archives: what is written, waits and is loaded; empty, it explains itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import Organisation, User
from archive import pages
from storage.models import ArchivedDay, LoadedPart
from tests.organisations import make_organisation

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/operations/archive/"
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
DAY = date(2026, 11, 20)


def client_of(role: str) -> Client:
    user = User.objects.create_user(role.lower(), password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def archived(organisation: Organisation, day: date = DAY, **members: Any) -> None:
    ArchivedDay.objects.create(
        organisation_id=organisation.pk, day=day, archive="a" * 32, written_at=NOW, entries=12_345,
        size_bytes=4_000_000, parts=1, object_bytes=400_000, **members,
    )  # fmt: skip


def text_of(client: Client, query: str = "") -> str:
    answer = client.get(ADDRESS + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_page_says_how_to_begin_where_nothing_is_archived() -> None:
    found = text_of(client_of("Operators"))
    assert "Nothing is archived" in found
    assert "LUMINALOG_ARCHIVE_URL=file:///srv/archive" in found


def test_page_says_what_is_archived_waits_and_is_loaded(settings: Any) -> None:
    settings.ARCHIVE_URL = "s3://logs/of-us"
    acme, zero = make_organisation("acme"), make_organisation("zero")
    archived(acme, verified_at=NOW)
    archived(zero, wrong="The object is gone.", verified_at=NOW)
    ArchivedDay.objects.create(
        organisation_id=acme.pk, day=DAY + timedelta(days=1), waits_since=NOW, tries=3, last_error="The disk is full."
    )
    LoadedPart.objects.create(
        organisation_id=acme.pk, day=DAY, archive="a" * 32, number=1, received_at=NOW, batch_ids=[7], entries=99,
        size_bytes=700, kept_until=NOW + timedelta(days=7), is_whole=True,
    )  # fmt: skip
    found = text_of(client_of("Support"))
    for told in (
        "s3://logs/of-us", f"organisation-{acme.pk}/2026-11-20", "The object is gone.", "The disk is full.",
        "2026-12-04 10:00", "24 690 entries", "wrong</span>", "whole</span>",
    ):  # fmt: skip
        assert told in found, told
    only = text_of(client_of("Auditors"), "?organisation=zero&day=2026-11-20")
    assert f"organisation-{zero.pk}/" in only
    assert f"organisation-{acme.pk}/" not in only
    assert "No day is loaded" in only


@pytest.mark.parametrize(
    ("query", "told"),
    [("?organisation=nobody", "There is no such organisation."), ("?day=yesterday", "Enter a valid date.")],
)
def test_odd_choice_is_told(query: str, told: str, settings: Any) -> None:
    settings.ARCHIVE_URL = "s3://logs"
    assert told in text_of(client_of("Operators"), query)


def test_page_is_for_those_who_may_see_retention() -> None:
    client = Client()
    user = User.objects.create_user("ada", password="x", is_staff=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(ADDRESS).status_code == 403
    assert Client().get(ADDRESS).status_code == 302


def test_page_has_an_end_and_asks_as_often_whatever_there_is(
    settings: Any, django_assert_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARCHIVE_URL = "s3://logs"
    monkeypatch.setattr(pages, "MOST_ROWS", 2)
    organisation = make_organisation("acme")
    for number in range(4):
        archived(organisation, DAY - timedelta(days=number))
    client = client_of("Operators")
    assert "The newest 2 of each list are shown" in text_of(client)
    with django_assert_num_queries(8):
        found = text_of(client)
    assert found.count("organisation-") == 2
