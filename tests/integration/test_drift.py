"""Contract drift, from the entries on: what drains note is learnt from, and told of once, with the first such entry."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.caller import Caller
from accounts.models import Organisation
from alerts import forgetting as alerts_forgetting
from alerts import preview
from alerts.models import Incident, Rule
from foundation.holdings import Wanted
from foundation.postgres import execute, fetch_all
from ingest import doors
from ingest.models import DrainClaim
from notify.models import MessageRecord
from storage.fields import forgetting, learning, reading
from storage.models import Drift, Field, FieldSample
from storage.postgres import partitions
from tests.alerts import Died, at, dying_at, look_at, make_channel, make_rule, store_at, told
from tests.organisations import make_api_key, make_caller

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


@pytest.fixture(autouse=True)
def _nothing_learnt() -> Iterator[None]:
    partitions.make_ahead()
    yield
    doors.forget()
    DrainClaim.objects.all().delete()
    for table in ("storage_minute", "storage_event_minute", "storage_rollup_day", *forgetting.TABLES):
        execute(f"DELETE FROM {table}")


@pytest.fixture
def caller() -> Caller:
    return make_caller()


def paid(count: int, **metadata: Any) -> list[dict[str, Any]]:
    whole = {"user_id": 7, "cart": {"total": 3}, "release": "1.4.1"} | metadata
    entry = {"message": "paid 17", "level": "info", "project_id": "shop", "environment": "eu"}
    return [entry | {"metadata": {name: value for name, value in whole.items() if value is not None}}] * count


def drift(caller: Caller) -> None:
    """Have `user_id` become a text, with a release."""
    for _ in range(10):
        store_at(caller, 1, *paid(800))
    store_at(caller, 5, *paid(800, user_id="7", release="1.5.0"))


def test_field_that_changes_its_type_is_one_incident_and_one_message_wherever_the_evaluator_ends(
    caller: Caller,
) -> None:
    make_channel(caller)
    rule = make_rule(caller, rule_name="Contract", kind="drift", severity=0)
    other = make_rule(caller, rule_name="Of another", kind="drift", severity=0, project="else")
    drift(caller)
    assert 120 <= sum(map(len, map(_samples, FieldSample.objects.all()))) <= 160
    deaths, is_over = 0, False
    while not is_over:
        deaths += 1
        try:
            with dying_at(deaths):
                look_at(6)
        except Died:
            continue
        is_over = True
    assert deaths > 10
    look_at(7)
    [incident] = Incident.objects.all()
    [(kind, title)] = told()
    assert kind == "alert.drift"
    assert title == f"user_id in shop: a text, no longer a number, since {at(5):%Y-%m-%d %H:%M} UTC"
    assert (incident.rule_id, incident.value, incident.opened_at) == (rule.pk, "user_id in shop", at(5))
    assert incident.closed_at == at(5)
    first = fetch_all("SELECT min(id) FROM storage_entry WHERE metadata LIKE %s", ['%"user_id":"7"%'])[0][0]
    assert incident.details
    entry_id = int(incident.details["entry_id"])
    assert first <= entry_id < first + 64
    assert incident.details == {
        "field": "user_id", "what": "type", "was": "number", "is": "string", "project": "shop",
        "environment": "eu", "release": "1.5.0", "entry_id": str(entry_id),
    }  # fmt: skip
    content = MessageRecord.objects.get().content
    link = next(one["url"] for one in content["links"] if one["label"] == "First entry")
    assert parse_qs(urlsplit(link).query)["entry"] == [str(entry_id)]
    assert {"name": "release", "value": "1.5.0"} in content["facts"]
    assert not Incident.objects.filter(rule=other).exists()
    for looked_back, count in ((rule, 1), (other, 0)):
        assert preview.would_have_fired(looked_back, now=at(10)).count == count
    key = make_api_key(rule.organisation)[1]
    [shown] = Client(headers={"x-api-key": key}).get("/v1/incidents").json()["incidents"]
    assert (shown["found"], shown["drift"]["is"], shown["value"]) == (
        "a text, no longer a number", "string", "user_id in shop",
    )  # fmt: skip


def test_field_that_is_missing_is_told(caller: Caller) -> None:
    make_rule(caller, kind="drift", severity=0)
    for _ in range(10):
        store_at(caller, 1, *paid(800))
    learning.learn()
    week = timedelta(days=8)
    Field.objects.update(first_at=at(1) - week)
    for _ in range(18):
        store_at(caller, 5, *paid(800, user_id=None))
    look_at(6)
    [incident] = Incident.objects.all()
    assert incident.details
    assert (incident.value, incident.details["what"], incident.opened_at) == ("user_id in shop", "missing", at(5))
    assert "missing, since" in told()[0][1]


def test_fields_are_known_to_their_organisation_only_and_forgotten_by_name_by_age_and_with_it(
    caller: Caller, admin_client: Client
) -> None:
    rival = make_caller()
    make_rule(caller, kind="drift", severity=0)
    drift(caller)
    store_at(rival, 5, *paid(800, theirs=1))
    look_at(6)
    since = at(-60)
    ours = {one.path: one for one in reading.known(caller.organisation_id, since=since)}
    assert set(ours) == {"user_id", "cart", "cart.total", "release"}
    assert ours["user_id"].types == ("number", "string")
    assert (ours["release"].percent, ours["cart"].types) == (100, ("object",))
    assert "theirs" in {one.path for one in reading.known(rival.organisation_id, since=since)}
    assert reading.known(caller.organisation_id, since=at(60)) == []
    slug = Organisation.objects.get(pk=caller.organisation_id).slug
    asked = {"organisation": slug, "query": "nothing_has_this", "from": at(0).isoformat()}
    shown = admin_client.get("/admin/explore/explorer/fields", asked).json()
    assert shown["fields"] == []
    assert shown["known"] == [
        {"name": "cart.total", "types": ["number"], "percent": 100},
        {"name": "release", "types": ["string"], "percent": 100},
        {"name": "user_id", "types": ["number", "string"], "percent": 100},
    ]
    everything = admin_client.get("/admin/explore/explorer/fields", asked | {"query": ""}).json()
    assert (len(everything["fields"]), everything["known"]) == (3, [])
    store_at(caller, 6, *paid(800))
    wanted = Wanted(organisation_id=caller.organisation_id, values=("user_id",))
    assert forgetting.NAMES.count(wanted) == 1
    assert forgetting.NAMES.erase(wanted) == 1
    assert alerts_forgetting.erase_values(wanted) == 1
    assert not FieldSample.objects.exists()
    assert not Drift.objects.exists()
    assert "user_id" not in {one.path for one in reading.known(caller.organisation_id, since=since)}
    assert "user_id" not in str(Incident.objects.values_list("value", "details")[0])
    Field.objects.filter(organisation_id=caller.organisation_id, path="cart").update(last_at=at(0) - timedelta(days=33))
    forgetting.sweep()
    assert set(Field.objects.filter(organisation_id=caller.organisation_id).values_list("path", flat=True)) == {
        "cart.total", "release",
    }  # fmt: skip
    forgetting.forget_organisation(caller.organisation_id)
    assert set(Field.objects.values_list("organisation_id", flat=True)) == {rival.organisation_id}


def test_drift_without_a_rule_is_told_to_nobody_later_either(caller: Caller) -> None:
    drift(caller)
    look_at(6)
    rule = make_rule(caller, kind="drift", severity=0)
    look_at(7)
    assert not Incident.objects.exists()
    assert Drift.objects.get().alerted_at
    assert preview.would_have_fired(Rule(organisation_id=rule.organisation_id, kind="drift"), now=at(10)).count == 1


def _samples(row: FieldSample) -> list[Any]:
    return learning._samples(bytes(row.samples))
