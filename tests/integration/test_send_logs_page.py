"""The page "Send logs": for whom it is, what it says of a key, and what it answers of what has come."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, User
from luminalog.console.sending import arrival
from quotas.models import HourlyUsage
from storage.models import Receipt
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(admin_client: Client) -> Client:
    admin_client.get(reverse("admin:index"))
    return admin_client


def count(api_key: ApiKey, outcome: str, **amount: int) -> None:
    now = timezone.now()
    HourlyUsage.objects.create(
        organisation=api_key.organisation, api_key=api_key, outcome=outcome, **amount,
        hour=now.replace(minute=0, second=0, microsecond=0),
    )  # fmt: skip


def test_page_has_the_lines_of_the_key_that_is_asked_for_and_of_no_dead_one(console: Client) -> None:
    organisation = make_organisation("acme")
    alive, _ = make_api_key(organisation, name="Web shop")
    dead, _ = make_api_key(organisation, name="gone", revoked_at=timezone.now(), revoked_reason="leaked")
    reader, _ = make_api_key(organisation, name="reader", scopes=["read"])
    for asked in (str(alive.pk), str(dead.pk), str(reader.pk), "9" * 30, "x", "\0", ""):
        page = console.get(reverse("admin:send_logs"), {"key": asked})
        assert page.context["sending"].api_key == alive
        html = page.content.decode()
        assert "http://testserver/v1/logs" in html
        assert "SECRET-OF-web-shop" in html
        assert [name in html for name in ("gone (", "reader (")] == [False, False]
        assert "ll_…" not in html


def test_page_without_a_key_says_where_to_get_one(console: Client) -> None:
    assert reverse("admin:accounts_apikey_add") in console.get(reverse("admin:send_logs")).content.decode()


def test_whoever_may_not_see_keys_sees_neither(client: Client) -> None:
    client.force_login(User.objects.create_user("eve", is_staff=True))
    for name in ("send_logs", "send_logs_arrived"):
        assert client.get(reverse(f"admin:{name}")).status_code == 403


def test_answer_tells_only_what_has_come_since(console: Client, django_assert_num_queries: Any) -> None:
    api_key, _ = make_api_key(make_organisation("acme"))
    count(api_key, "rate_limited", requests=7)
    mark = arrival.since(api_key, now=timezone.now())

    def ask(since: str = mark.sealed()) -> Any:
        answer = console.get(reverse("admin:send_logs_arrived"), {"since": since})
        return answer.json() if answer.status_code == 200 else answer.status_code

    with django_assert_num_queries(3):  # the session, its user, the usage
        nothing = ask()
    assert (nothing["entries"], nothing["refused"], nothing["is_waiting"]) == (0, [], False)
    HourlyUsage.objects.update(requests=9)
    count(api_key, "rejected.invalid_level", requests=1, entries=4)
    count(api_key, "protocol.loki", requests=1, entries=5)
    told = ask()
    assert (told["refused"], told["dropped"]) == ([["rate_limited", 2]], [["rejected.invalid_level", 4]])
    assert told["says"]["rate_limited"]
    assert told["is_waiting"]
    count(api_key, "accepted", requests=1, entries=5)
    for batch, seconds in ((7, -60), (9, 3), (8, 1)):
        Receipt.objects.create(
            batch_id=batch, organisation_id=api_key.organisation_id, api_key_id=api_key.pk, period=mark.moment.date(),
            received_at=mark.moment + timedelta(seconds=seconds), entries=5, size_bytes=9,
        )  # fmt: skip
    found = ask()
    assert (found["entries"], found["is_waiting"], found["first_entry_id"]) == (5, False, str(8 * 1024))
    assert ask("forged") == 400
    assert ask("") == 400
