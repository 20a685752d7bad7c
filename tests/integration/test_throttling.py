"""The throttle of API views, through DRF, with a real Valkey and PostgreSQL."""

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection
from django.test import RequestFactory
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.caller import Caller
from accounts.models import Organisation
from foundation import valkey
from foundation.read_ahead import ReadAhead
from foundation.refusals import Refusal
from quotas import limits
from quotas.limits import AHEAD_SECONDS, MAX_AGE_SECONDS, Limits
from quotas.models import Plan, Quota
from quotas.plans import subscribe
from quotas.throttling import Limited
from tests.counting import round_trips
from tests.waiting import wait_until

NAMES = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]


class AsGiven(BaseAuthentication):
    """Authenticates as the caller that the test put on the request."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        caller = getattr(request._request, "given", None)
        return (caller, None) if caller else None


class Probe(Limited, APIView):
    authentication_classes = [AsGiven]

    def get(self, request: Request) -> Response:
        if code := request.GET.get("fail"):
            raise Refusal(code)
        return Response({})


class ReadingProbe(Probe):
    throttle_scope_name = "read"


class ForbiddenProbe(Probe):
    def check_permissions(self, request: Request) -> None:  # noqa: ARG002
        raise Refusal("forbidden")


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    limits.forget()
    yield
    limits.forget()


@pytest.fixture
def organisation(db: None) -> Organisation:
    plan = Plan.objects.create(
        name="P", slug="p", requests_per_minute=1, burst_requests=60, monthly_bytes=1, retention_days=1
    )  # even a slow machine does not see a token come back
    organisation = Organisation.objects.create(name="acme", slug=uuid4().hex)
    subscribe(organisation, plan)
    valkey.client().delete(*(valkey.key("bucket", f"{{{organisation.pk}}}", area) for area in ("ingest", "read")))
    return organisation


@pytest.fixture
def caller(organisation: Organisation) -> Caller:
    return Caller(
        organisation_id=organisation.pk,
        api_key_id=time.time_ns(),
        project_id=1,
        project="shop",
        environment="production",
        scopes=frozenset({"ingest", "read"}),
        requests_per_minute=None,
        keeps_valid_entries=False,
        minimum_level=10,
        expires_at=None,
    )


def ask(caller: Caller | None, view: type[APIView] = Probe, path: str = "/") -> Response:
    request = RequestFactory().get(path)
    request.given = caller  # type: ignore[attr-defined]
    return view.as_view()(request)


def test_every_answer_says_how_much_is_left(caller: Caller) -> None:
    before = time.time()
    response = ask(caller)
    assert [response.headers[name] for name in NAMES[:2]] == ["60", "59"]
    assert before + 60 - 1 <= int(response.headers["X-RateLimit-Reset"]) <= time.time() + 60 + 1


@pytest.mark.parametrize("code", ["malformed_json", "body_too_large", "quota_exhausted", "internal_error"])
def test_errors_say_it_too(caller: Caller, code: str) -> None:
    response = ask(caller, path=f"/?fail={code}")
    assert response.headers["X-RateLimit-Remaining"] == "59"


def test_a_refusal_before_the_throttle_says_it_and_takes_nothing(caller: Caller) -> None:
    response = ask(caller, ForbiddenProbe)
    assert (response.status_code, response.headers["X-RateLimit-Remaining"]) == (403, "60")
    assert ask(caller).headers["X-RateLimit-Remaining"] == "59"


def test_a_request_without_a_caller_is_not_ours_to_limit(db: None) -> None:
    response = ask(None)
    assert response.status_code == 200
    assert not set(NAMES) & set(response.headers)


def test_a_refusal_says_whose_limit_how_large_and_when_to_come_again(caller: Caller) -> None:
    before = time.time()
    for _ in range(60):
        assert ask(caller).status_code == 200
    response = ask(caller)
    took = time.time() - before
    problem = json.loads(response.content)
    assert (response.status_code, problem["code"], problem["scope"], problem["limit"]) == (
        429, "rate_limited", "organisation", 60,
    )  # fmt: skip
    assert 60 - took - 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["X-RateLimit-Remaining"] == "0"
    reset = int(response.headers["X-RateLimit-Reset"])
    assert problem["resets_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(reset))
    assert before + 60 * 60 - 1 <= reset <= before + took + 60 * 60 + 1


def test_sleeping_retry_after_lets_one_request_through(caller: Caller, organisation: Organisation) -> None:
    Quota.objects.filter(organisation=organisation).update(requests_per_minute=60)
    while (response := ask(caller)).status_code == 200:
        pass
    time.sleep(int(response.headers["Retry-After"]))  # as a client does
    assert ask(caller).status_code == 200


def test_a_key_of_its_own_limit_is_refused_by_it_and_leaves_the_organisation_its_tokens(caller: Caller) -> None:
    limited = replace(caller, requests_per_minute=2)
    assert [ask(limited).status_code for _ in range(5)] == [200, 200, 429, 429, 429]
    assert json.loads(ask(limited).content)["scope"] == "api_key"
    assert ask(caller).headers["X-RateLimit-Remaining"] == "57"


def test_reads_and_ingestion_have_buckets_of_their_own(caller: Caller) -> None:
    assert ask(caller, Probe).headers["X-RateLimit-Remaining"] == "59"
    assert ask(caller, ReadingProbe).headers["X-RateLimit-Remaining"] == "59"


def test_two_organisations_share_nothing(caller: Caller, organisation: Organisation) -> None:
    other = Organisation.objects.create(name="other", slug=uuid4().hex)
    subscribe(other, organisation.quota.plan)
    while ask(caller).status_code == 200:
        pass
    assert ask(replace(caller, organisation_id=other.pk)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_steady_state_costs_no_query_and_one_round_trip(caller: Caller) -> None:
    def measured() -> tuple[list[str], object] | None:
        limits.forget()
        began = time.monotonic()
        ask(caller)
        connection.close()
        with round_trips() as sent:
            for _ in range(10):
                ask(caller)
        if time.monotonic() - began > limits.MAX_AGE_SECONDS - 1:
            return None  # no steady state: the limits are too old by now
        return [one.name for one in sent], connection.connection

    names, connected = wait_until(measured, what="ten requests within the age of the limits")
    assert names == ["EVALSHA"] * 10
    assert connected is None


def test_limits_in_use_are_read_again_many_at_a_time(
    make_caller: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, questions = [0.0], list[Collection[int]]()

    def read(organisation_ids: Collection[int]) -> dict[int, Limits]:
        questions.append(organisation_ids)
        return limits._read(organisation_ids)

    known = ReadAhead(read, most_seconds=MAX_AGE_SECONDS, ahead_seconds=AHEAD_SECONDS, clock=lambda: now[0])
    monkeypatch.setattr(limits, "_known", known)
    ids = [make_caller().organisation_id for _ in range(5)]
    for organisation_id in ids:
        assert limits.limits_for(organisation_id).requests_per_minute == 60_000
    assert len(questions) == 5
    Quota.objects.filter(organisation=ids[0]).update(requests_per_minute=7)
    now[0] = MAX_AGE_SECONDS
    assert [limits.limits_for(one).requests_per_minute for one in ids] == [7] + [60_000] * 4
    assert len(questions) == 6


def test_a_raised_limit_acts_before_the_next_refusal(caller: Caller, organisation: Organisation) -> None:
    while ask(caller).status_code == 200:
        pass
    Quota.objects.filter(organisation=organisation).update(requests_per_minute=1000)
    wait_until(lambda: ask(caller).status_code == 200, what="limits old enough to be read again")
    assert int(ask(caller).headers["X-RateLimit-Remaining"]) > 900


def test_an_organisation_without_a_plan_is_no_server_error_in_the_headers(caller: Caller) -> None:
    response = ask(replace(caller, organisation_id=0), ForbiddenProbe)
    assert response.status_code == 403
