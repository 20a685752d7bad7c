"""Who is let in: keys by header and body, their scopes and networks, and what a refusal gives away."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DataError, OperationalError, connection, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import authentication
from accounts.authentication import ApiKeyAuthentication
from accounts.directory import KNOWN_SECONDS, Directory, directory
from accounts.failures import FAILURES_A_MINUTE, QUERIES_A_SECOND, FailedKeys, failed_keys
from accounts.keys import digest, make_key
from accounts.last_use import last_use, plain_http
from accounts.models import ApiKey, Organisation
from accounts.permissions import HasScope, caller_of
from accounts.register import FRESH_SECONDS, Register
from accounts.scopes import Scope
from foundation import valkey
from foundation.read_ahead import AT_ONCE
from tests.counting import round_trips
from tests.organisations import make_api_key, make_organisation
from tests.patience import CACHE_OPTIONS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integration.test_authentication")]


class Ingest(APIView):
    permission_classes = [HasScope]
    scope = Scope.INGEST
    used_body_key = False

    def post(self, request: Request) -> Response:
        return Response({"api_key_id": caller_of(request).api_key_id, "used_body_key": self.used_body_key})

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [ApiKeyAuthentication(in_body=self.key_in_body)]

    def key_in_body(self) -> str | None:
        if self.request.content_type != "application/json":
            return None
        key = json.loads(self.request.read()).get("api_key")
        self.used_body_key = isinstance(key, str)
        return key if isinstance(key, str) else None


class Read(APIView):
    permission_classes = [HasScope]
    scope = Scope.READ

    def get(self, request: Request) -> Response:
        return Response({"project": caller_of(request).project})

    post = get


urlpatterns = [path("v1/ingest", Ingest.as_view()), path("v1/read", Read.as_view())]


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    valkey.client().flushall()
    for memory in (directory, failed_keys, last_use):
        memory.clear()
    yield
    for memory in (directory, failed_keys, last_use):
        memory.clear()


def post(key: str | None = None, *, body: Any = None, **headers: Any) -> Any:
    if key is not None:
        headers["x-api-key"] = key
    return Client().post("/v1/ingest", json.dumps(body or {}), content_type="application/json", headers=headers)


def test_good_key_is_let_in() -> None:
    api_key, secret = make_api_key()
    assert post(secret).json() == {"api_key_id": api_key.pk, "used_body_key": False}


def test_known_key_costs_neither_sql_nor_valkey(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = make_api_key()
    monkeypatch.setattr(authentication, "directory", Directory(clock=lambda: 0.0))
    with django_assert_num_queries(1):
        post(secret)
    with django_assert_num_queries(0), round_trips() as sent:
        for _ in range(20):
            assert post(secret).status_code == 200
    assert sent == []


def test_no_key_is_missing() -> None:
    response = post()
    assert response.status_code == 401
    assert response.json()["code"] == "missing_api_key"
    assert response.headers["WWW-Authenticate"] == "ApiKey"


def test_body_key_is_let_in_and_reported() -> None:
    api_key, secret = make_api_key()
    assert post(body={"api_key": secret}).json() == {"api_key_id": api_key.pk, "used_body_key": True}


@pytest.mark.parametrize("value", [None, 7, ["ll_"], ""])
def test_body_key_of_another_type_is_missing(value: Any) -> None:
    assert post(body={"api_key": value}).json()["code"] == "missing_api_key"


def test_header_wins_over_body_key() -> None:
    _, secret = make_api_key()
    assert post(make_key(), body={"api_key": secret}).json()["code"] == "invalid_api_key"


def test_body_key_counts_only_where_the_view_allows_it() -> None:
    _, secret = make_api_key()
    response = Client().post("/v1/read", json.dumps({"api_key": secret}), content_type="application/json")
    assert response.json()["code"] == "missing_api_key"


def test_body_is_not_read_when_the_header_is_there() -> None:
    class Unreadable:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    unreadable: dict[str, Any] = {"wsgi.input": Unreadable()}
    _, secret = make_api_key()
    for key in (secret, make_key()):
        answer = Client().post("/v1/ingest", headers={"x-api-key": key}, **unreadable)
        assert answer.status_code in (200, 401)


def test_query_argument_is_ignored() -> None:
    _, secret = make_api_key()
    assert Client().post(f"/v1/ingest?api_key={secret}").json()["code"] == "missing_api_key"


def bad_keys() -> dict[str, str]:
    suspended = make_organisation("gone", status=Organisation.Status.SUSPENDED, suspended_reason="unpaid")
    active = make_organisation("here")
    now = timezone.now()
    return {
        "unknown": make_key(),
        "malformed": "ll_" + "g" * 48,
        "revoked": make_api_key(active, revoked_at=now, revoked_reason="leaked")[1],
        "expired": make_api_key(active, expires_at=now - timedelta(seconds=1))[1],
        "suspended": make_api_key(suspended)[1],
    }


def test_every_kind_of_bad_key_answers_the_same_but_for_the_request_id() -> None:
    answers = set()
    for key in bad_keys().values():
        response = post(key)
        body = response.content.replace(response.headers["X-Request-ID"].encode(), b"")
        del response.headers["X-Request-ID"]
        answers.add((response.status_code, tuple(sorted(response.headers.items())), body))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


@pytest.mark.parametrize("form", ["{0},{0}", "{0}, {0}", " {0}x", "{0}\u00e9", "Bearer {0}", "{0}\n"])
def test_key_in_another_form_is_invalid(form: str) -> None:
    _, secret = make_api_key()
    assert post(form.format(secret)).json()["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("scopes", "address"), [(["read", "manage"], "/v1/ingest"), (["ingest", "manage"], "/v1/read")]
)
def test_key_without_the_scope_is_forbidden(scopes: list[str], address: str) -> None:
    _, secret = make_api_key(scopes=scopes)
    ask = Client().post if address == "/v1/ingest" else Client().get
    response = ask(address, headers={"x-api-key": secret})
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["10.0.0.0/8"], "10.1.2.3", 200),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", 200),
        (["10.0.0.0/8"], "11.1.2.3", 403),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::5", 200),
        (["2001:db8::/32"], "10.1.2.3", 403),
        (["127.0.0.0/8"], "", 403),
    ],
)
def test_allowed_networks_hold(networks: list[str], address: str, status: int) -> None:
    _, secret = make_api_key(allowed_networks=networks)
    response = Client(REMOTE_ADDR=address).post("/v1/ingest", headers={"x-api-key": secret})
    assert response.status_code == status


def test_forwarded_address_cannot_widen_a_network() -> None:
    _, secret = make_api_key(allowed_networks=["10.0.0.0/8"])
    assert post(secret, **{"x-forwarded-for": "10.1.1.1"}).status_code == 403
    with override_settings(TRUSTED_PROXIES=1):
        assert post(secret, **{"x-forwarded-for": "10.1.1.1"}).status_code == 200
        assert post(secret, **{"x-forwarded-for": "10.1.1.1, 11.1.1.1"}).status_code == 403


def test_revoked_key_is_refused_within_ten_seconds_and_expiry_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    api_key, secret = make_api_key()
    now = [0.0]
    book = Directory(clock=lambda: now[0])
    assert book.find(secret, may_query=lambda: True)
    ApiKey.objects.filter(pk=api_key.pk).update(revoked_at=timezone.now(), revoked_reason="leaked")
    now[0] = KNOWN_SECONDS - 0.01
    assert book.find(secret, may_query=lambda: True)
    now[0] = KNOWN_SECONDS
    assert book.find(secret, may_query=lambda: True) is None
    end = timezone.now() + timedelta(hours=1)
    _, brief = make_api_key(make_organisation("brief"), expires_at=end)
    assert book.find(brief, may_query=lambda: True)
    monkeypatch.setattr(timezone, "now", lambda: end - timedelta(microseconds=1))
    assert book.find(brief, may_query=lambda: True)
    monkeypatch.setattr(timezone, "now", lambda: end)
    assert book.find(brief, may_query=lambda: True) is None


def test_keys_in_use_are_read_again_many_at_a_time(django_assert_num_queries: Any) -> None:
    organisation, now = make_organisation(), [0.0]
    issued = [make_api_key(organisation) for _ in range(2 * AT_ONCE)]
    book = Directory(clock=lambda: now[0])

    def known() -> list[bool]:
        return [book.find(secret, may_query=lambda: True) is not None for _, secret in issued]

    assert all(known())
    issued[-1][0].revoked_at, issued[-1][0].revoked_reason = timezone.now(), "leaked"
    issued[-1][0].save()
    now[0] = KNOWN_SECONDS - 0.01
    with django_assert_num_queries(0):
        assert all(known())
    now[0] = KNOWN_SECONDS
    with django_assert_num_queries(2 + 1):  # the revoked one, now a stranger's, is looked up by itself
        assert known() == [True] * (len(issued) - 1) + [False]


def test_known_key_is_let_in_while_postgresql_is_down(settings: Any) -> None:
    _, secret = make_api_key()
    assert post(secret).status_code == 200
    statuses: list[int] = []

    def ask() -> None:  # a thread has a connection of its own, which cannot be opened
        settings.DATABASES["default"]["PORT"], port = 1, settings.DATABASES["default"]["PORT"]
        connection.settings_dict = {**connection.settings_dict, "PORT": 1}
        statuses.extend([post(secret).status_code, post(make_key()).status_code])
        settings.DATABASES["default"]["PORT"] = port

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert statuses == [200, 503]


@pytest.mark.usefixtures("one_minute")
def test_too_many_failures_are_told_to_wait() -> None:
    key = make_key()
    statuses = [post(key).status_code for _ in range(FAILURES_A_MINUTE + 2)]
    assert statuses == [401] * FAILURES_A_MINUTE + [429] * 2
    response = post(key)
    assert response.json()["code"] == "too_many_failures"
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert Client(REMOTE_ADDR="192.0.2.1").post("/v1/ingest", headers={"x-api-key": key}).status_code == 401


@pytest.mark.usefixtures("one_minute")
def test_failures_of_one_ipv6_network_count_together() -> None:
    for last in range(FAILURES_A_MINUTE + 1):
        address = f"2001:db8::{last:x}"
        response = Client(REMOTE_ADDR=address).post("/v1/ingest", headers={"x-api-key": "bad"})
    assert response.status_code == 429


def test_good_key_works_behind_an_address_that_fails_too_often() -> None:
    _, secret = make_api_key()
    bad = make_key()
    for _ in range(FAILURES_A_MINUTE + 5):
        post(bad)
    assert post(secret).status_code == 200


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that the memories of keys and failures read; the counter's fixed window does not end."""
    window, now = int(time.time()) + 600, [0.0]
    monkeypatch.setattr("django_ratelimit.core._get_window", lambda _value, _period: window)
    monkeypatch.setattr(authentication, "failed_keys", FailedKeys(clock=lambda: now[0]))
    monkeypatch.setattr(authentication, "directory", Directory(clock=lambda: now[0]))
    return now


def test_guessing_costs_few_queries(django_assert_num_queries: Any, stopped_clock: list[float]) -> None:
    the_register = 1
    for queries in (FAILURES_A_MINUTE + 1 + QUERIES_A_SECOND + the_register, QUERIES_A_SECOND):
        stopped_clock[0] += 1
        with django_assert_num_queries(queries):
            for _ in range(100):
                post(make_key())


def test_good_keys_are_let_in_however_much_is_guessed_beside_them(
    django_assert_num_queries: Any, stopped_clock: list[float]
) -> None:
    organisation = make_organisation()
    good = [make_api_key(organisation)[1] for _ in range(3 * QUERIES_A_SECOND)]
    revoked = make_api_key(organisation, revoked_at=timezone.now(), revoked_reason="leaked")[1]
    for _ in range(2 * (FAILURES_A_MINUTE + QUERIES_A_SECOND)):
        post(make_key())
    stopped_clock[0] += KNOWN_SECONDS
    for _ in range(QUERIES_A_SECOND):
        post(make_key())
    with django_assert_num_queries(1 + len(good)):
        for key in good * 2:
            assert (post(make_key()).status_code, post(key).status_code) == (429, 200)
    assert post(revoked).status_code == 429
    late = make_api_key(organisation)[1]
    stopped_clock[0] += FRESH_SECONDS
    for _ in range(QUERIES_A_SECOND):
        post(make_key())
    assert post(late).status_code == 200


def test_register_asks_seldom_while_postgresql_does_not_answer(stopped_clock: list[float]) -> None:
    register = Register(clock=lambda: stopped_clock[0])
    _, known = make_api_key()
    assert register.may_hold(digest(known))
    stopped_clock[0] += FRESH_SECONDS
    with connection.execute_wrapper(_no_answer):
        with pytest.raises(OperationalError):
            register.may_hold(digest(known))
        assert register.may_hold(digest(known))
        assert not register.may_hold(digest(make_key()))


def _no_answer(*_: Any) -> None:
    raise OperationalError


def test_failures_are_counted_while_valkey_is_down(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"LOCATION": "redis://127.0.0.1:1/0", "OPTIONS": CACHE_OPTIONS}
    settings.CACHES = {"default": {**settings.CACHES["default"], **away}}
    monkeypatch.setattr(authentication, "failed_keys", FailedKeys(clock=lambda: 100.0))
    key = make_key()
    with round_trips() as sent:
        statuses = [post(key).status_code for _ in range(FAILURES_A_MINUTE + 1)]
    assert statuses == [401] * FAILURES_A_MINUTE + [429]
    assert {one.timeout_seconds for one in sent} == {0.25}
    assert len(sent) <= 2  # the first asks, perhaps once more
    cache.close()


def test_last_use_is_kept_once_a_minute() -> None:
    api_key, secret = make_api_key()
    post(secret, **{"user-agent": f"curl/8 {secret}"})
    last_use.flush()
    api_key.refresh_from_db()
    first = api_key.last_used_at
    assert first is not None
    assert api_key.last_used_address == "127.0.0.1"
    assert api_key.last_used_client == f"curl/8 {secret[:7]}***{secret[-4:]}"
    last_use.clear()  # as another process would
    post(secret)
    last_use.flush()
    api_key.refresh_from_db()
    assert api_key.last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    last_use.clear()
    post(secret)
    last_use.flush()
    api_key.refresh_from_db()
    assert api_key.last_used_at is not None
    assert api_key.last_used_at > first


def test_facts_survive_a_database_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    api_key, secret = make_api_key()
    post(secret)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.last_use.KEEP", "SELECT 1 / 0 WHERE %s::text || %s::text || %s::text || %s::text <> ''")
        with pytest.raises(DataError, match="division by zero"), transaction.atomic():
            last_use.flush()
    last_use.flush()
    api_key.refresh_from_db()
    assert api_key.last_used_at is not None


def test_last_use_needs_no_valkey(settings: Any) -> None:
    """Time-outs of 50 ms, after a read that had taken the facts, lost them when they went by way of Valkey."""
    api_key, secret = make_api_key()
    post(secret)
    settings.VALKEY_URL = "redis://127.0.0.1:1"
    valkey.client.cache_clear()
    try:
        last_use.flush()
    finally:
        valkey.client.cache_clear()
    api_key.refresh_from_db()
    assert api_key.last_used_at is not None


def test_plain_http_is_refused_and_its_key_marked(settings: Any) -> None:
    settings.DEVELOPMENT = False
    api_key, secret = make_api_key()
    response = post(secret)
    assert (response.status_code, response.json()["code"]) == (403, "https_required")
    plain_http.flush()
    api_key.refresh_from_db()
    assert api_key.seen_over_plain_http_at is not None


def test_memory_of_strangers_is_bounded() -> None:
    book = Directory(strangers=100, clock=lambda: 0.0)
    for _ in range(150):
        book.find("ll_" + secrets.token_hex(24), may_query=lambda: True)
    assert len(book._unknown) == 100


def test_kinds_of_bad_key_take_the_same_time() -> None:
    book = Directory()
    keys = bad_keys()
    del keys["malformed"]  # its sender knows its form
    took: dict[str, list[float]] = {kind: [] for kind in keys}
    asked: dict[str, list[str]] = {}
    for _ in range(200):
        for kind, key in keys.items():  # in turns, so that the machine's load falls on all alike
            book.clear()
            with CaptureQueriesContext(connection) as seen:
                began = time.perf_counter()
                assert book.find(key, may_query=lambda: True) is None
                took[kind].append(time.perf_counter() - began)
            asked[kind] = [query["sql"].replace(digest(key).hex(), "its hash") for query in seen]
    assert all(statements == asked["unknown"] for statements in asked.values())
    least = {kind: min(times) for kind, times in took.items()}  # what was disturbed is not among these
    assert max(least.values()) < 1.5 * min(least.values()), least
