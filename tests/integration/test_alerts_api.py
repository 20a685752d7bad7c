"""`/v1/alert-rules`, `/v1/incidents`, `/v1/silences`, `/v1/heartbeats`: as callers meet them, and whose they are."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from alerts import heartbeats
from alerts.checking import MOST_SEARCHES
from alerts.models import Incident, Minute, Rule, Silence
from ingest import doors
from ingest.models import DrainClaim
from storage.postgres import partitions
from tests.alerts import at, look_at, make_channel, some, store_at
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

RULE = {"rule_name": "Payments fail", "error_type": "Payment*", "severity": "error", "count_threshold": 20,
        "time_window_minutes": 10, "channels": ["slack"]}  # fmt: skip


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    heartbeats.forget()
    yield
    doors.forget()
    DrainClaim.objects.all().delete()


class Api:
    """The API as an organisation's key sees it."""

    def __init__(self, slug: str = "acme", scopes: tuple[str, ...] = ("ingest", "read", "manage")) -> None:
        self.key, secret = make_api_key(make_organisation(slug, plan=make_plan()), scopes=list(scopes))
        self.caller = caller_of(self.key)
        self.client = Client(headers={"x-api-key": secret})

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **parameters: Any) -> Any:
        given = {"data": parameters} if method == "get" else {"data": body or {}, "content_type": "application/json"}
        response = getattr(self.client, method)(f"/v1/{path}", **given)
        assert response.status_code == status, response.content
        return response.json() if response.content else None


def test_rule_of_the_vendor_s_fields_is_made_read_changed_and_deleted() -> None:
    api = Api()
    made = api("post", "alert-rules", RULE, 201)
    assert RULE.items() <= made.items()
    assert (made["kind"], made["state"], made["last_incident"], made["heartbeat_url"]) == (
        "threshold",
        "ok",
        None,
        None,
    )
    assert api("get", f"alert-rules/{made['id']}") == made
    assert api("get", "alert-rules")["rules"] == [made]
    changed = api("patch", f"alert-rules/{made['id']}", {"is_active": False, "project": "shop", "error_type": None})
    assert (changed["state"], changed["project"], changed["error_type"]) == ("off", "shop", None)
    assert api("delete", f"alert-rules/{made['id']}", status=204) is None
    api("get", f"alert-rules/{made['id']}", status=404)
    api("delete", f"alert-rules/{made['id']}", status=404)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"rule_name": None}, "rule_name"),
        ({"rule_name": "x" * 81}, "rule_name"),
        ({"kind": "odd"}, "kind"),
        ({"severity": "loud"}, "severity"),
        ({"count_threshold": 0}, "count_threshold"),
        ({"count_threshold": True}, "count_threshold"),
        ({"count_threshold": 2.5}, "count_threshold"),
        ({"time_window_minutes": 1_441}, "time_window_minutes"),
        ({"channels": "slack"}, "channels"),
        ({"channels": ["carrier pigeon"]}, "channels"),
        ({"channels": [999_999]}, "channels"),
        ({"error_type": "Pay*ment"}, "error_type"),
        ({"query": "x"}, "query"),
        ({"kind": "search", "error_type": None, "query": "a:("}, "query"),
        ({"kind": "search", "error_type": None}, "query"),
        ({"kind": "ratio", "error_type": None}, "ratio_percent"),
        ({"ratio_percent": 5}, "ratio_percent"),
        ({"kind": "new_group", "group_by": "group"}, "group_by"),
        ({"kind": "search", "error_type": None, "query": "x", "group_by": "group"}, "group_by"),
        ({"kind": "monitor", "error_type": None, "project": "shop"}, "project"),
        ({"surprise": 1}, "body"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_by_name(body: dict[str, Any], says: str) -> None:
    refused = Api()("post", "alert-rules", RULE | body, 400)
    assert refused["code"] == "invalid_payload"
    assert says in refused["detail"]
    assert not Rule.objects.exists()


def test_names_are_one_rule_s_and_searches_are_bounded() -> None:
    api = Api()
    api("post", "alert-rules", RULE, 201)
    assert "of this name" in api("post", "alert-rules", RULE, 400)["detail"]
    Rule.objects.bulk_create(
        Rule(organisation_id=api.caller.organisation_id, rule_name=f"{n}", kind="search", query="x")
        for n in range(MOST_SEARCHES)
    )
    search = {"rule_name": "one more", "kind": "search", "query": "x"}
    assert "at most" in api("post", "alert-rules", search, 400)["detail"]
    page = api("get", "alert-rules", limit=30)
    rest = api("get", "alert-rules", limit=30, after=page["next_after"])
    assert (len(page["rules"]), len(rest["rules"]), rest["next_after"]) == (30, 21, None)


def test_nobody_sees_or_changes_what_is_another_organisation_s() -> None:
    api, other = Api(), Api("other")
    rule = api("post", "alert-rules", RULE, 201)
    channel = make_channel(api.caller)
    assert api("patch", f"alert-rules/{rule['id']}", {"channels": [channel.pk]})["channels"] == [str(channel.pk)]
    silence = api("post", "silences", {"rule_id": rule["id"], "minutes": 5, "reason": "x"}, 201)
    incident = Incident.objects.create(
        organisation_id=api.caller.organisation_id, rule_id=rule["id"], opened_at=at(0), last_over_at=at(0)
    )
    for path in (f"alert-rules/{rule['id']}", f"incidents/{incident.pk}"):
        other("get", path, status=404)
    other("patch", f"alert-rules/{rule['id']}", {"is_active": False}, 404)
    other("patch", f"incidents/{incident.pk}", {"acknowledged": True}, 404)
    other("delete", f"alert-rules/{rule['id']}", status=404)
    other("delete", f"silences/{silence['id']}", status=404)
    other("post", "silences", {"rule_id": rule["id"], "minutes": 5, "reason": "x"}, 400)
    other("post", "alert-rules", RULE | {"channels": [str(channel.pk)]}, 400)
    for path, name in (("alert-rules", "rules"), ("incidents", "incidents"), ("silences", "silences")):
        assert other("get", path)[name] == []


def test_key_that_reads_previews_and_changes_nothing() -> None:
    api = Api(scopes=("read",))
    api("post", "alert-rules", RULE, 403)
    api("post", "silences", {"minutes": 5, "reason": "x"}, 403)
    found = api("post", "alert-rules/preview", {"severity": "debug"})
    assert (found["incidents"], len(found["hours"]), found["newest"]) == (0, 24, [])
    rule = Rule.objects.create(organisation_id=api.caller.organisation_id, rule_name="m", kind="monitor")
    assert api("post", "alert-rules/preview", {"rule_name": "m"})["incidents"] == 0
    assert api("get", f"alert-rules/{rule.pk}")["heartbeat_url"] is None
    Api("sender", scopes=("ingest",))("get", "alert-rules", status=403)


def test_preview_counts_what_there_was_of_each_kind() -> None:
    api = Api()
    for minute in (10, 30):
        store_at(api.caller, minute, *some(5, environment="eu", metadata={"user": 7}))
    for body in (
        {"count_threshold": 5},
        {"count_threshold": 5, "group_by": "environment"},
        {"count_threshold": 5, "kind": "search", "query": "user:7 money", "environment": "eu"},
    ):
        found = api("post", "alert-rules/preview", body | {"time_window_minutes": 2, "keep_firing_minutes": 1})
        assert found["incidents"] >= 1, body
    assert api("post", "alert-rules/preview", {"kind": "new_group"})["incidents"] == 1
    assert api("post", "alert-rules/preview", {"kind": "search", "query": "a:("}, 400)["code"] == "invalid_payload"
    assert not Rule.objects.exists()


def test_incident_is_listed_acknowledged_and_told_with_its_rule() -> None:
    api = Api()
    rule = api("post", "alert-rules", RULE | {"error_type": None, "group_by": "environment"}, 201)
    Rule.objects.update(settled_until=at(0))
    store_at(api.caller, 10, *some(20, environment="eu"), *some(30, environment="us"))
    look_at(11)
    page = api("get", "incidents", state="open", limit=1)
    [rest] = api("get", "incidents", before=page["next_before"])["incidents"]
    [first] = page["incidents"]
    assert {first["value"]: first["count"], rest["value"]: rest["count"]} == {"eu": 20, "us": 30}
    assert (first["state"], first["group_by"], first["told"]) == ("open", "environment", "told")
    assert api("get", f"alert-rules/{rule['id']}")["last_incident"] == first
    acknowledged = api("patch", f"incidents/{first['id']}", {"acknowledged": True})
    assert acknowledged["acknowledged_by"] == f"key {api.key.prefix}"
    assert api("patch", f"incidents/{first['id']}", {"acknowledged": True}) == acknowledged
    api("patch", f"incidents/{first['id']}", {"acknowledged": False}, 400)
    assert api("get", "incidents", state="closed", rule_id=rule["id"])["incidents"] == []
    api("get", "incidents", status=400, state="odd")


def test_silence_is_made_listed_and_ended() -> None:
    api = Api()
    for body in ({"reason": "x"}, {"minutes": 5}, {"minutes": 5, "until": "2099-01-01T00:00:00Z", "reason": "x"},
                 {"until": "2001-01-01T00:00:00Z", "reason": "x"}, {"until": "tomorrow", "reason": "x"}):  # fmt: skip
        api("post", "silences", body, 400)
    made = api("post", "silences", {"minutes": 60, "reason": "known", "environment": "staging", "group": 17}, 201)
    assert (made["environment"], made["group"], made["by_key"]) == ("staging", 17, api.key.prefix)
    assert api("get", "silences")["silences"] == [made]
    api("delete", f"silences/{made['id']}", status=204)
    assert api("get", "silences")["silences"] == []
    assert Silence.objects.count() == 1


def test_heartbeat_needs_no_key_and_its_address_alone() -> None:
    api = Api()
    rule = api("post", "alert-rules", {"rule_name": "nightly", "kind": "monitor", "time_window_minutes": 1_440}, 201)
    path = urlsplit(rule["heartbeat_url"]).path
    client = Client()
    assert client.post(path, b"whatever", content_type="text/plain").json() == {"ok": True}
    assert Minute.objects.get().rule_id == rule["id"]
    assert client.post(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 404
    assert client.post("/v1/heartbeats/1").status_code == 404
    assert client.get(path).status_code == 405
    api("patch", f"alert-rules/{rule['id']}", {"is_active": False})
    heartbeats.forget()
    assert client.post(path).status_code == 404
