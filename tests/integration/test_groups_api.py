"""`/v1/groups`, and the groups of entries wherever entries are read."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.caller import Caller
from accounts.models import User
from foundation.postgres import execute, fetch_all
from ingest.models import DrainClaim
from ingest.spool.drain import drain
from issues import changing
from issues.changing import Actor, ChangeRefused
from issues.models import Fingerprint, Group, Turn
from operations.verification import verify
from storage.models import LogEntry
from storage.postgres import partitions
from tests.errors import failure, store
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan
from tests.pairs import PAIRS
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

JSON = "application/json"


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


class Api:
    """The API as an organisation's key sees it, and the organisation as a sender."""

    def __init__(self, slug: str = "acme", scopes: tuple[str, ...] = ("ingest", "read", "manage")) -> None:
        plan = make_plan(slug=slug, requests_per_minute=10_000)
        self.key, secret = make_api_key(make_organisation(slug, plan=plan), scopes=list(scopes))
        self.caller: Caller = caller_of(self.key)
        self.client = Client(headers={"x-api-key": secret})

    def get(self, path: str, status: int = 200, *, start: str = "", **parameters: Any) -> Any:
        response = self.client.get(f"/v1/{path}", parameters | ({"from": start} if start else {}))
        assert response.status_code == status, response.content
        return response.json()

    def send(self, method: str, path: str, body: dict[str, Any], status: int = 200) -> Any:
        response = getattr(self.client, method)(f"/v1/{path}", body, content_type=JSON)
        assert response.status_code == status, response.content
        return response.json()

    def patch(self, number: int, status: int = 200, **body: Any) -> Any:
        return self.send("patch", f"groups/{number}", body, status)

    def numbers(self, **parameters: Any) -> list[int]:
        return [group["number"] for group in self.get("groups", **parameters)["groups"]]

    def messages(self, query: str) -> list[str]:
        start = (datetime.now(UTC) - timedelta(days=2)).isoformat()
        return [log["message"] for log in self.get("logs", query=query, start=start)["logs"]]


def some(count: int, name: str, **entry: Any) -> list[dict[str, Any]]:
    return [failure(f"{name}Error", f"no {name}", stack=[f"at {name} (/app/src/{name}.js:1:2)"], **entry)] * count


def test_pairs_that_are_sent_are_read_back_as_one_group_or_as_two() -> None:
    """Each in projects of its own: whatever two pairs have in common, they share no group."""
    api = Api()
    now = datetime.now(UTC).isoformat()
    sides = [(pair["id"], side, pair[side]) for side in "ab" for pair in PAIRS]
    logs = [
        {"timestamp": now, "level": "error", "message": one["message"], "project_id": f"{name} {one['project']}"}
        | {"metadata": {"side": f"{name} {side}"}}
        | ({"error": one["error"]} if one["error"] else {})
        for name, side, one in sides
    ]
    for sent in (logs[: len(PAIRS)], logs[len(PAIRS) :]):
        assert api.send("post", "logs", {"logs": sent})["processed"] == len(PAIRS)
    drain()
    found = api.get("logs", limit=1_000, start=(datetime.now(UTC) - timedelta(hours=1)).isoformat())["logs"]
    group = {log["metadata"]["side"]: log["group"] for log in found}
    assert len(group) == len(sides)
    assert None not in group.values()
    same = {pair["id"]: group[f"{pair['id']} a"] == group[f"{pair['id']} b"] for pair in PAIRS}
    assert same == {pair["id"]: pair["expect"] == "same" for pair in PAIRS}
    number = group[f"{PAIRS[0]['id']} a"]
    of_group = api.get("logs", query=f"group:{number}", start=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert {log["metadata"]["side"] for log in of_group["logs"]} == {f"{PAIRS[0]['id']} {side}" for side in "ab"}
    assert len(set(group.values())) == sum(1 if one else 2 for one in same.values())


def test_entries_tell_their_group_and_are_found_by_it() -> None:
    api = Api()
    store(api.caller, *some(2, "pay"), {"message": "hello"}, *some(1, "cart"))
    pay, cart = (group["number"] for group in api.get("groups", sort="events")["groups"])
    start = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    logs = api.get("logs", start=start)["logs"]
    assert {log["message"]: log["group"] for log in logs} == {"no pay": pay, "hello": None, "no cart": cart}
    assert api.messages(f"group:{pay}") == ["no pay", "no pay"]
    assert api.messages("-has:group") == ["hello"]
    assert sorted(api.messages("has:group")) == ["no cart", "no pay", "no pay"]
    assert api.messages("group:999") == []
    assert api.messages(f"group:{pay} OR group:{cart} NOT cart") == ["no pay", "no pay"]
    assert api.get("logs", 400, query="group:>3")["code"] == "invalid_query"
    assert api.get("logs", 400, query="group:x")["code"] == "invalid_query"
    [one] = [log for log in logs if log["message"] == "no cart"]
    assert api.get(f"logs/{one['id']}")["group"] == cart
    assert api.get(f"logs/{one['id']}/context")["log"]["group"] == cart
    export = b"".join(api.client.get("/v1/logs/export", {"query": "cart", "from": start})).decode()
    assert f'"group":{cart}' in export


def test_list_filters_sorts_and_pages() -> None:
    api = Api()
    for n, name in enumerate(("alpha", "beta", "gamma")):
        store(
            api.caller,
            *some(n + 1, name, environment=f"e{n}", project_id="web" if n else "shop", metadata={"version": f"1.{n}"}),
        )
    alpha, beta, gamma = (Group.objects.get(type=f"{name}Error").number for name in ("alpha", "beta", "gamma"))
    assert api.numbers() == [gamma, beta, alpha]
    assert api.numbers(sort="first_seen") == [gamma, beta, alpha]
    assert api.numbers(sort="events") == [gamma, beta, alpha]
    assert api.numbers(project="web") == [gamma, beta]
    assert api.numbers(environment="e1") == api.numbers(release="1.1") == [beta]
    assert api.numbers(environment="e1", release="1.2") == []
    assert api.numbers(query="GAMMA.js in") == [gamma]
    assert api.numbers(query="100%") == []
    assert api.numbers(state="new") == [gamma, beta, alpha]
    assert api.numbers(state="resolved") == api.numbers(state="regressed") == []
    first = api.get("groups", limit=2, sort="events")
    rest = api.get("groups", limit=2, sort="events", cursor=first["next_cursor"])
    assert [group["number"] for group in first["groups"] + rest["groups"]] == [gamma, beta, alpha]
    assert rest["next_cursor"] is None
    api.get("groups", 400, sort="people", cursor=first["next_cursor"])
    api.get("groups", 400, state="odd")
    assert Api("other").numbers() == []
    Api("other-2").get(f"groups/{alpha}", 404)


def test_group_tells_all_that_is_known_of_it() -> None:
    api = Api()
    store(api.caller, *some(3, "pay", environment="live", metadata={"release": "1.4.2", "user_id": "ann"}))
    [number] = api.numbers()
    group = api.get(f"groups/{number}")
    assert (group["events"], group["people"], group["level"]) == (3, 1, "error")
    assert group["basis"] == "grouped by type and 1 frame: payError · src/pay.js|pay"
    assert [(one["name"], one["events"]) for one in group["environments"]] == [("live", 3)]
    assert [(one["name"], one["events"]) for one in group["releases"]] == [("1.4.2", 3)]
    assert [hour["events"] for hour in group["hours"]] == [3]
    assert group["samples"] == [str(id_) for id_ in LogEntry.objects.order_by("-id").values_list("id", flat=True)]
    assert [turn["what"] for turn in group["turns"]] == ["new"]
    assert group["is_new"]
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert api.get(f"groups/{number}", to=moment)["to"] == moment.replace("Z", ".000000Z")
    api.get("groups/999", 404)
    api.get("groups/999999999", 404)


def test_decisions_need_the_scope_and_are_told() -> None:
    api = Api()
    User.objects.create(username="ann")
    store(api.caller, *some(2, "pay", metadata={"release": "1.4"}))
    [number] = api.numbers()
    _, secret = make_api_key(api.key.organisation, scopes=["read"])
    refused = Client(headers={"x-api-key": secret}).patch(f"/v1/groups/{number}", {"state": "muted"}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    assert api.patch(number, state="resolved")["resolution"] == "now"
    api.patch(number, 400, state="ignored", ignore={"events": 5})  # a resolved group is unresolved first
    assert api.patch(number, state="unresolved")["state"] == "unresolved"
    ignored = api.patch(number, state="ignored", ignore={"events": 5})
    assert (ignored["state"], ignored["ignored"]["until_events"]) == ("ignored", 7)
    assert api.patch(number, state="resolved", resolution="next_release")["resolution"] == "next_release"
    assert api.patch(number, state="resolved", release="2.0")["resolved_in"] == "2.0"
    assert api.patch(number, state="muted", assignee="ann")["assignee"] == "ann"
    last = api.patch(number, comment="it was DNS", assignee=None)
    assert [turn["what"] for turn in last["turns"]] == [
        "comment", "assigned", "assigned", "muted", "resolved", "resolved", "ignored", "unresolved", "resolved", "new",
    ]  # fmt: skip
    assert last["turns"][0]["by_key"] == api.key.prefix
    for wrong in (
        {}, {"state": "odd"}, {"other": 1}, {"ignore": {"events": 1}}, {"state": "ignored"}, {"assignee": "nobody"},
        {"state": "ignored", "ignore": {"events": 0}}, {"state": "resolved", "resolution": "release"}, {"comment": " "},
        {"state": "ignored", "ignore": {"until": "2020-01-01T00:00:00Z"}},
        {"state": "ignored", "ignore": {"minutes": 3}},
    ):  # fmt: skip
        api.patch(number, 400, **wrong)
    api.patch(999, 404, state="muted")


def test_merge_and_split_leave_every_count_as_it_was() -> None:
    api = Api()
    store(api.caller, *some(5, "pay", metadata={"user_id": "ann"}), *some(3, "cart", metadata={"user_id": "ann"}))
    pay, cart = (group["number"] for group in api.get("groups", sort="events")["groups"])
    before = {number: api.get(f"groups/{number}") for number in (pay, cart)}

    merged = api.send("post", f"groups/{pay}/merge", {"groups": [cart]})
    assert (merged["events"], merged["people"], len(merged["fingerprints"])) == (8, 1, 2)
    assert api.numbers() == [pay]
    assert api.get(f"groups/{cart}")["number"] == pay
    assert len(api.messages(f"group:{pay}")) == len(api.messages(f"group:{cart}")) == 8
    assert {log["group"] for log in api.get("logs", query="has:group")["logs"]} == {pay}
    store(api.caller, *some(1, "cart"))
    assert api.get(f"groups/{pay}")["events"] == 9
    api.send("post", f"groups/{pay}/merge", {"groups": [pay]}, 400)
    api.send("post", f"groups/{pay}/merge", {"groups": [999]}, 404)

    [key] = [made["key"] for made in merged["fingerprints"] if made["made_with"] == cart]
    assert api.send("post", f"groups/{pay}/split", {"fingerprints": [key]}) == {"groups": [cart]}
    after = {number: api.get(f"groups/{number}") for number in (pay, cart)}
    counted = ("events", "people", "hours", "environments", "samples", "title", "basis")
    assert {name: after[pay][name] for name in counted} == {name: before[pay][name] for name in counted}
    assert after[cart]["events"] == before[cart]["events"] + 1
    assert len(api.messages(f"group:{cart}")) == 4
    api.send("post", f"groups/{pay}/split", {"fingerprints": [key]}, 400)
    api.send("post", f"groups/{pay}/split", {"fingerprints": ["x"]}, 400)
    assert verify() == []


def test_siblings_of_one_group_are_split_into_new_ones() -> None:
    api = Api()
    store(api.caller, *some(1, "pay"), *some(1, "cart"), *some(1, "mail"))
    pay, cart, mail = sorted(api.numbers())
    api.send("post", f"groups/{pay}/merge", {"groups": [cart, mail]})
    made = api.get(f"groups/{pay}")["fingerprints"]
    [own] = [one["key"] for one in made if one["made_with"] == pay]
    assert api.send("post", f"groups/{pay}/split", {"fingerprints": [own]}) == {"groups": [4]}
    assert sorted(api.numbers()) == [pay, 4]
    assert Fingerprint.objects.get(home__number=pay).group.number == 4


def test_organisation_without_errors_has_no_group_to_change() -> None:
    api = Api()
    api.patch(1, 404, state="muted")
    api.send("post", "groups/1/merge", {"groups": [2]}, 404)
    api.send("post", "groups/1/split", {"fingerprints": ["0" * 16]}, 404)


#: Two of this database: other tests share its server.
WAITING = """
SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database() OFFSET 1
"""


def test_groups_that_are_merged_crosswise_at_once_are_one() -> None:
    api = Api()
    store(api.caller, *some(1, "pay"), *some(1, "cart"))
    refused: list[ChangeRefused] = []

    def merge(number: int, other: int) -> None:
        try:
            changing.merge(api.caller.organisation_id, number, [other], by=Actor())
        except ChangeRefused as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=merge, args=pair) for pair in ((1, 2), (2, 1))]
    with transaction.atomic():
        list(Fingerprint.objects.select_for_update())
        for thread in threads:
            thread.start()
        wait_until(lambda: fetch_all(WAITING), what="both wait")
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    [merged] = Group.objects.exclude(merged_into=None)
    assert merged.merged_into_id != merged.pk
    assert Fingerprint.objects.filter(group=merged.merged_into_id).count() == 2


def happened(hours: float) -> dict[str, Any]:
    return {"timestamp": datetime.now(UTC) + timedelta(hours=hours)}


def resolved_an_hour_ago(api: Api, number: int, **how: Any) -> None:
    api.patch(number, state="resolved", **how)
    execute("UPDATE issues_group SET state_at = now() - interval '1 hour'")
    execute("UPDATE issues_release SET first_seen = now() - interval '1 day'")


#: What others complain of: how it was resolved, releases known then, the event's release and hour; does it come back?
COMPLAINTS = {
    "older release, sent again": ({}, ["1.4.1", "1.4.2"], "1.4.1", 0, False),
    "the release that was current then": ({}, ["1.4.2"], "1.4.2", 0, False),
    "hotfix of an old line, seen later": ({}, ["1.4.2", "2.0.0"], "1.4.3", 0, False),
    "a new one": ({}, ["1.4.2"], "1.4.3", 0, True),
    "no semantic versions": ({}, ["3f2a1b9"], "77aa01d", 0, True),
    "numbers are no texts": ({}, ["1.9.0"], "1.10.0", 0, True),
    "without a release, on its way": ({}, [], "", -0.95, False),
    "without a release, later": ({}, [], "", 0, True),
    "next release": ({"resolution": "next_release"}, ["1.4.2"], "1.4.3", 0, True),
    "in a release that is not there yet": ({"release": "1.5.0"}, ["1.4.2"], "1.4.3", 0, False),
    "in the release that is there": ({"release": "1.4.2"}, ["1.4.2"], "1.4.2", 0, True),
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_resolved_group_comes_back_only_for_what_is_new(complaint: str) -> None:
    how, known, release, hours, is_back = COMPLAINTS[complaint]
    api = Api()
    store(api.caller, *(some(1, "pay", metadata={"release": one})[0] for one in known or [""]))
    [number] = api.numbers()
    resolved_an_hour_ago(api, number, **how)
    store(api.caller, *some(1, "pay", metadata={"release": release}, **happened(hours)))
    group = api.get(f"groups/{number}")
    assert (group["state"], group["is_regressed"]) == (("unresolved", True) if is_back else ("resolved", False))
    assert group["older_events"] == (None if is_back else 1)
    assert group["events"] == len(known or [""]) + 1
    assert Turn.objects.filter(what="regressed").count() == is_back
    assert api.numbers(state="regressed") == ([number] if is_back else [])


def test_release_that_is_awaited_brings_a_group_back_when_it_is_there() -> None:
    api = Api()
    store(api.caller, *some(1, "pay", metadata={"release": "1.4.2"}))
    [number] = api.numbers()
    resolved_an_hour_ago(api, number, release="1.5.0")
    store(api.caller, *some(1, "cart", metadata={"release": "1.5.0"}))
    store(api.caller, *some(1, "pay", metadata={"release": "1.5.0"}))
    assert api.get(f"groups/{number}")["is_regressed"]
