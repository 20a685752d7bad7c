"""`GET /v1/usage` over the real application."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey
from foundation.postgres import fetch_one
from quotas import ledger, limits
from quotas.models import MonthlyUsage, Quota
from tests.organisations import make_api_key, make_organisation, make_plan


def issue(slug: str, **fields: Any) -> tuple[str, ApiKey]:
    """A key of an organisation with a plan, and its secret."""
    plan = make_plan(slug=slug, requests_per_minute=6, monthly_bytes=1000, retention_days=7)
    api_key, secret = make_api_key(make_organisation(slug, plan=plan), **fields)
    return secret, api_key


@pytest.mark.django_db
def test_usage_tells_the_month_by_day_and_key_and_what_is_left() -> None:
    secret, api_key = issue("usage-told")
    organisation_id = api_key.organisation_id
    now = datetime.now(UTC)
    ledger.open_month(organisation_id)
    from_plan = {"organisation_id": organisation_id, "size_bytes": 250, "entries": 5}
    assert fetch_one(ledger.CHARGE, from_plan)
    MonthlyUsage.objects.update(lent_bytes=30)
    ledger.count(
        [
            ledger.UsageRow(now, organisation_id, api_key.pk, "accepted", 2, 5, 250),
            ledger.UsageRow(now, organisation_id, api_key.pk, "below_level", 1, 3, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "rejected.invalid_level", 1, 2, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "rate_limited", 4, 0, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "deferred", 1, 2, 100),
            ledger.UsageRow(now, organisation_id, api_key.pk, "scrubbed.email", 0, 3, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "reported.card", 0, 2, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "withheld", 0, 1, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "protocol.loki", 1, 2, 100),
            ledger.UsageRow(now, organisation_id, api_key.pk, "cut.message", 0, 1, 0),
            ledger.UsageRow(now, organisation_id, api_key.pk, "let_go.session", 0, 7, 0),
        ]
    )

    response = Client().get("/v1/usage", headers={"x-api-key": secret})

    told = response.json()
    line = {
        "entries": 5,
        "bytes": 250,
        "requests": 6,
        "refused_requests": 4,
        "dropped_entries": 5,
        "rejected_entries": {"invalid_level": 2},
        "scrubbed_entries": {"email": 3},
        "reported_entries": {"card": 2},
        "withheld_entries": 1,
        "cut_entries": {"message": 1},
        "let_go_items": {"session": 7},
        "deferred_entries": 2,
        "by_protocol": {
            "loki": {"requests": 1, "entries": 2, "bytes": 100},
            "luminalog": {"requests": 1, "entries": 3, "bytes": 150},
        },
        "outcomes": {"accepted": 2, "below_level": 1, "deferred": 1, "rate_limited": 4, "rejected.invalid_level": 1},
    }
    assert response.status_code == 200
    assert told["plan"] == "usage-told"
    assert told["bytes"] == {"limit": 1000, "used": 250, "remaining": 750, "lent": 30}
    assert told["entries"] == 5
    assert told["by_day"] == [{"day": now.date().isoformat(), **line}]
    assert told["by_api_key"] == [{"name": "web", "prefix": secret[:7], "suffix": secret[-4:], **line}]
    assert told["requests"]["ingest"]["remaining"] == 6
    assert told["requests"]["read"] | {"resets_at": ""} == {
        "scope": "organisation", "per_minute": 6, "limit": 6, "remaining": 5, "resets_at": "",
    }  # fmt: skip
    assert response.headers["X-RateLimit-Remaining"] == "5"
    assert told["period"]["began_at"] == f"{now:%Y-%m}-01T00:00:00Z"


@pytest.mark.django_db
def test_usage_is_that_of_the_callers_organisation_alone() -> None:
    _, foreign = issue("usage-foreign")
    ledger.count([ledger.UsageRow(datetime.now(UTC), foreign.organisation_id, foreign.pk, "accepted", 9, 9, 9)])
    secret, _ = issue("usage-own")
    told = Client().get("/v1/usage", headers={"x-api-key": secret}).json()
    assert (told["by_day"], told["by_api_key"], told["bytes"]["used"]) == ([], [], 0)


@pytest.mark.django_db
def test_a_key_that_may_not_read_is_refused() -> None:
    secret, _ = issue("usage-writer", scopes=["ingest"])
    response = Client().get("/v1/usage", headers={"x-api-key": secret})
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert response.headers["X-RateLimit-Remaining"] == "6"


@pytest.mark.django_db
def test_usage_needs_a_key() -> None:
    assert Client().get("/v1/usage").status_code == 401


@pytest.mark.django_db
def test_more_keys_cost_no_more_queries(
    django_assert_num_queries: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits._known, "_most_seconds", 600.0)
    secret, api_key = issue("usage-queries")
    for number in range(5):
        other = ApiKey.objects.create(
            organisation=api_key.organisation, project=api_key.project, name=f"{number}", sha256=bytes([number] * 32)
        )
        row = ledger.UsageRow(datetime.now(UTC), api_key.organisation_id, other.pk, "accepted", 1, 1, 1)
        ledger.count([row])
    Client().get("/v1/usage", headers={"x-api-key": secret})
    with django_assert_num_queries(3):  # type: ignore[operator]  # by day, by key, the keys' names
        Client().get("/v1/usage", headers={"x-api-key": secret})


@pytest.mark.django_db(transaction=True, databases=["default", "reads"])
@pytest.mark.parametrize("path", ["/v1/logs", "/v1/usage"])
def test_every_read_is_limited_apart_from_ingestion(path: str) -> None:
    secret, api_key = issue("usage-reads")
    Quota.objects.filter(organisation=api_key.organisation_id).update(requests_per_minute=2)
    answers = [Client().get(path, headers={"x-api-key": secret}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json()["code"] == "rate_limited"
    told = Client().post("/v1/logs", b"{}", content_type="application/json", headers={"x-api-key": secret})
    assert (told.status_code, told.headers["X-RateLimit-Remaining"]) == (400, "1")
