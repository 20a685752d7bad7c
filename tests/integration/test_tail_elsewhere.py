"""`GET /v1/logs/tail` at the API's process: sent on to the stream's own, and limited like all reading."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import ApiKey
from quotas import outcomes
from quotas.models import HourlyUsage, Plan
from quotas.plans import subscribe
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True)

TAIL = "/v1/logs/tail"
ELSEWHERE = "http://127.0.0.1:9000"


@pytest.fixture
def reader(settings: Any) -> Client:
    """A client with a key that may ask twice a minute."""
    cache.clear()
    settings.TAIL_URL = ELSEWHERE
    organisation = make_organisation()
    subscribe(organisation, Plan.objects.get(slug="scale"))
    _, secret = make_api_key(organisation, requests_per_minute=2)
    return Client(headers={"x-api-key": secret})


def test_reader_is_sent_to_the_stream_with_the_query(reader: Client) -> None:
    answer = reader.get(TAIL, {"query": "level:error"})
    assert (answer.status_code, answer["Location"]) == (307, f"{ELSEWHERE}{TAIL}?query=level%3Aerror")
    assert answer["Cache-Control"] == "no-store"


def test_stream_that_only_a_proxy_knows_is_not_found(reader: Client, settings: Any) -> None:
    settings.TAIL_URL = ""
    assert reader.get(TAIL).status_code == 404


def test_each_request_takes_a_token_of_reading(reader: Client) -> None:
    answer = reader.get(TAIL)
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("2", "1")
    assert reader.get("/v1/usage")["X-RateLimit-Remaining"] == "0"
    refused = reader.get(TAIL)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused["Retry-After"]) > 0


def test_refusal_is_counted(reader: Client) -> None:
    ApiKey.objects.update(scopes=["ingest"])
    assert reader.get(TAIL).json()["code"] == "forbidden"
    outcomes.flush()
    assert HourlyUsage.objects.get(outcome="forbidden").requests == 1
