"""Who is locked out of a name after how many wrong passwords: counted by the address that `accounts.addresses` has."""

from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.log_ins import FAILURES, FAILURES_WHERE_KNOWN
from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ada")]
PROXY = "192.0.2.200"
LET_IN, WRONG, LOCKED = 302, 200, 429


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password="right horse")


@pytest.fixture(autouse=True)
def behind_one_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1


def log_in(forwarded: str, password: str, *, peer: str = PROXY, name: str = "ada") -> int:
    cache.clear()  # of the limit of tries a minute, which would answer first
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=peer).post(reverse("admin:login"), form, headers=headers).status_code


def fail(forwarded: str, times: int = FAILURES, *, peer: str = PROXY) -> list[int]:
    return [log_in(forwarded, "wrong", peer=peer) for _ in range(times)]


def test_guesser_is_locked_out_and_nobody_else() -> None:
    assert fail("198.51.100.7") == [WRONG] * (FAILURES - 1) + [LOCKED]
    assert log_in("198.51.100.7", "right horse") == LOCKED
    assert log_in("203.0.113.9", "right horse") == LET_IN
    assert [one.ip_address for one in AccessAttempt.objects.all()] == ["198.51.100.7"]
    assert {one.ip_address for one in AccessFailureLog.objects.all()} == {"198.51.100.7"}
    assert [one.ip_address for one in AccessLog.objects.all()] == ["203.0.113.9"]


@pytest.mark.parametrize(
    ("proxies", "guesser", "same", "other"),
    [
        (0, "9.9.9.9", "8.8.8.8", None),  # nobody's proxy: what a client says of itself is not heard
        (1, "198.51.100.7", "10.0.0.1, 198.51.100.7", "198.51.100.7, 203.0.113.9"),
        (1, "198.51.100.7:4711", "198.51.100.7:4712", "203.0.113.9:4711"),
        (1, "::ffff:198.51.100.7", "198.51.100.7", "::ffff:203.0.113.9"),
        (1, "[2001:db8::7]:4711", "2001:db8::8", "2001:db8:0:1::7"),
        (1, "2001:db8::7", "2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db7:ffff:ffff:ffff::1"),
        (1, "fe80::1%eth0", "fe80::1", "fe80:0:0:1::1"),
        (2, "198.51.100.7, 10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7, 203.0.113.9, 10.0.0.1"),
        (3, "198.51.100.7, 10.0.0.1, 10.0.0.2", "x, 198.51.100.7, 10.0.0.3, 10.0.0.2", "203.0.113.9, 10.0.0.1, 10.0.0.2"),  # noqa: E501
        (1, "", "no address", "203.0.113.9"),
    ],
)  # fmt: skip
def test_address_is_the_one_that_trusted_proxies_saw(
    settings: Any, proxies: int, guesser: str, same: str, other: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert fail(guesser)[-1] == LOCKED
    assert log_in(same, "right horse") == LOCKED
    if other:
        assert log_in(other, "right horse") == LET_IN
    assert log_in(other or same, "right horse", peer="203.0.113.10" if other is None else PROXY) == LET_IN


def test_name_s_owner_is_not_locked_out_by_a_guesser_behind_the_same_address() -> None:
    assert log_in("198.51.100.7", "right horse") == LET_IN
    fail("198.51.100.7")
    assert log_in("198.51.100.7", "right horse") == LET_IN
    fail("198.51.100.7", FAILURES_WHERE_KNOWN - FAILURES)
    assert log_in("198.51.100.7", "right horse") == LOCKED  # it is bounded, too


def test_only_the_name_that_logged_in_there_is_known_there() -> None:
    User.objects.create_superuser("bob", password="other horse")
    assert log_in("198.51.100.7", "other horse", name="bob") == LET_IN
    fail("198.51.100.7")
    assert log_in("198.51.100.7", "right horse") == LOCKED
    assert log_in("198.51.100.7", "other horse", name="bob") == LET_IN
