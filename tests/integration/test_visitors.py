"""Whoever has no key is limited by address: the public pages, and tries to log in."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

pytestmark = [pytest.mark.django_db(databases=["default", "reads"]), pytest.mark.usefixtures("one_minute")]
NOWHERE = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1",
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }
}


@pytest.fixture(autouse=True)
def forgiven() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def statuses(count: int, address: str, *, path: str = "/", method: str = "get") -> set[int]:
    client = Client(REMOTE_ADDR=address)
    return {getattr(client, method)(path).status_code for _ in range(count)}


def test_address_that_asks_too_often_is_told_to_wait() -> None:
    assert statuses(120, "192.0.2.1") == {200}

    answer = Client(REMOTE_ADDR="192.0.2.1").get("/docs/errors")

    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert statuses(1, "192.0.2.2") == {200}


def test_tries_to_log_in_are_limited_by_address_and_the_page_is_not() -> None:
    path = "/admin/login/"
    assert 429 not in statuses(20, "192.0.2.3", path=path, method="post")
    assert statuses(1, "192.0.2.3", path=path, method="post") == {429}
    assert statuses(1, "192.0.2.3", path=path) == {200}


def test_one_subscribers_ipv6_network_counts_as_one_address() -> None:
    for host in range(120):
        statuses(1, f"2001:db8::{host:x}")
    assert statuses(1, "2001:db8::ffff") == {429}
    assert statuses(1, "2001:db8:0:1::1") == {200}


@override_settings(CACHES=NOWHERE)
def test_without_valkey_pages_are_shown() -> None:
    assert statuses(3, "192.0.2.4") == {200}
