"""The evidence of a group: gathered through the API and the console, kept as a snapshot, and forgotten in time."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from accounts.caller import Caller
from accounts.models import AccessRecord, User
from assist import evidence, forgetting, looked_at, snapshots
from assist.models import Forgotten, Snapshot
from assist.parts import PARTS
from foundation.holdings import Wanted, holdings
from foundation.postgres import execute
from foundation.refusals import Refusal
from foundation.shares import Shares
from ingest.models import DrainClaim
from issues import circumstances, listing
from issues.models import Group, Turn
from storage.postgres import partitions
from tests.errors import failure, store
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


class Shop:
    """An organisation whose payments have failed since its last release, with one kind of card."""

    def __init__(self, slug: str = "acme") -> None:
        key, secret = make_api_key(
            make_organisation(slug, plan=make_plan(slug=slug, requests_per_minute=10_000)),
            scopes=["ingest", "read"],
        )
        self.organisation = key.organisation
        self.caller: Caller = caller_of(key)
        self.client = Client(headers={"x-api-key": secret})

    def get(self, number: int, status: int = 200, **parameters: str) -> Any:
        response = self.client.get(f"/v1/groups/{number}/evidence", parameters)
        assert response.status_code == status, response.content
        return response.json()

    def fail(self, name: str = "pay", count: int = 1, **entry: Any) -> int:
        stack = [f"at {name} (/app/src/{name}.js:1:2)"]
        store(self.caller, *[failure(f"{name}Error", f"no {name}", stack=stack, **entry)] * count)
        return Group.objects.get(organisation_id=self.organisation.pk, type=f"{name}Error").number


@pytest.fixture
def shop() -> Shop:
    return Shop()


def line(n: int, **fields: Any) -> dict[str, Any]:
    """An entry of one of two releases, cards and hosts, whatever they are of."""
    metadata = {"release": f"1.4.{n % 2}", "card": {"brand": ("visa", "amex")[n // 2 % 2]}, "host": f"h{n % 5}",
                "request_id": f"r{n}"}  # fmt: skip
    at = datetime.now(UTC) - timedelta(minutes=n % 30)
    return {"timestamp": at, "message": f"paid {n}", "metadata": metadata | fields.pop("metadata", {}), **fields}


def outage(shop: Shop) -> int:
    """Store what happens beside it, an error of before, and forty that fail in release 1.4.2 with cards of one kind."""
    store(shop.caller, *(line(n) for n in range(200)))
    shop.fail("old", metadata={"release": "1.4.1"})
    lines = [line(n, trace_id=f"trace {n // 2}", message=f"calling the bank <{n}>") for n in range(40)]
    failing = [
        line(n, metadata={"release": "1.4.2", "card": {"brand": "visa"}, "user_id": f"u{n % 7}"}) for n in range(40)
    ]
    errors = [
        failure("payError", "no pay", stack=["at pay (/app/src/pay.js:1:2)"], trace_id=f"trace {n // 2}",
                timestamp=one["timestamp"], metadata=one["metadata"])
        for n, one in enumerate(failing)
    ]  # fmt: skip
    store(shop.caller, *lines, *errors)
    return Group.objects.get(type="payError").number


def test_evidence_names_what_is_different_and_what_is_around(shop: Shop) -> None:
    number = outage(shop)
    shop.fail("late", trace_id="trace 3", timestamp=datetime.now(UTC) - timedelta(minutes=1))
    found = shop.get(number)
    parts = found["parts"]
    assert (found["number"], found["is_complete"]) == (number, True)
    assert {name for name, part in parts.items() if part["status"] != "ok"} <= {"relatives", "traces"}
    assert parts["traces"]["status"] == "nothing"  # another group is in one of twenty of them

    different = parts["different"]
    assert [(one["name"], one["value"]) for one in different["findings"][:2]] == [
        ("release", "1.4.2"),
        ("card.brand", "visa"),
    ]
    assert {one["name"] for one in different["findings"]} <= {"release", "card.brand", "user_id"}
    assert (different["failing"], different["others"]) == (40, 242)
    assert "request_id" in different["left_out"]
    release = different["findings"][0]
    assert (release["id"], release["share_percent"], release["share_of_others_percent"]) == ("different-1", 100, 0)

    assert (parts["first_seen"]["release"], parts["first_seen"]["release_before"]) == ("1.4.2", "1.4.1")
    assert parts["first_seen"]["minutes_after_release"] == 0
    assert [one["name"] for one in parts["first_seen"]["environments"]] == ["production"]
    assert parts["before"]["trace_id"].startswith("trace ")
    assert {one["message"].rstrip("0123456789>") for one in parts["before"]["lines"]} <= {
        "calling the bank <",
        "no pay",
    }
    assert all(one["seconds"] <= 0 for one in parts["before"]["lines"])
    assert sum(parts["when"]["series"]["events"]) == 40
    assert parts["when"]["began"]
    begun = {(one["what"], one["title"]) for one in parts["when"]["began_with_it"]}
    assert {("release", "1.4.2"), ("new", "oldError: no old"), ("new", "lateError: no late")} <= begun
    assert (parts["who"]["people"], parts["who"]["share_percent"]) == (7, 14.2)
    assert parts["basis"]["reasons"][0]["basis"].startswith("grouped by type and 1 frame")


def test_groups_that_are_like_it_or_in_its_traces_are_named(shop: Shop) -> None:
    number = shop.fail("pay", 4, trace_id="t1")
    twin = shop.fail("paid", trace_id="t2")  # other words, similar ones
    Group.objects.filter(number=twin).update(title="payError: no pay!", culprit="src/pay.js in pay")
    shop.fail("bank", trace_id="t1")
    other = Group.objects.get(type="bankError")
    Group.objects.filter(pk=other.pk).update(
        type="payError", title="The ledger is away", culprit="lib/ledger.rb in post"
    )
    Turn.objects.create(group=other, organisation_id=shop.organisation.pk, what="regressed")
    parts = shop.get(number)["parts"]
    like = {one["number"]: one["why"] for one in parts["relatives"]["groups"]}
    assert like == {twin: ["similar title"], other.number: ["same type"]}
    assert [(one["number"], one["share_percent"]) for one in parts["traces"]["groups"]] == [(other.number, 100)]
    assert ("regressed", other.number) in {(one["what"], one["group"]) for one in parts["when"]["began_with_it"]}
    [group] = Group.objects.filter(number=number)
    [summary] = [one for one in listing.groups(shop.organisation.pk, listing.Wanted(), limit=9).groups
                 if one.id == group.pk]  # fmt: skip
    execute("DROP EXTENSION IF EXISTS pg_trgm CASCADE")
    try:
        found = circumstances.relatives(shop.organisation.pk, summary, seconds=DEADLINE_SECONDS)
        assert [one.number for one in found] == [other.number]
    finally:
        execute("CREATE EXTENSION pg_trgm")


def test_without_a_trace_what_is_close_by_came_before(shop: Shop) -> None:
    now = datetime.now(UTC)
    beside = [("far", -30, "shop"), ("near", -5, "shop"), ("elsewhere", -4, "web"), ("after", 4, "shop")]
    store(
        shop.caller,
        *({"message": message, "timestamp": now + timedelta(seconds=seconds), "project_id": project}
          for message, seconds, project in beside),
    )  # fmt: skip
    found = shop.get(shop.fail(timestamp=now))["parts"]["before"]
    assert [(one["message"], one["seconds"]) for one in found["lines"]] == [("near", -5), ("after", 4)]


def test_evidence_is_kept_until_it_is_old_or_wanted_anew(shop: Shop) -> None:
    number = shop.fail()
    first = shop.get(number)
    shop.fail(count=3)
    assert shop.get(number) == first
    fresh = shop.get(number, refresh="true")
    assert fresh["digest"] != first["digest"]
    assert Snapshot.objects.get().digest == fresh["digest"]
    Snapshot.objects.update(made_at=datetime.now(UTC) - evidence.FRESH)
    assert shop.get(number)["made_at"] > fresh["made_at"]
    assert shop.get(number, 400, refresh="yes")["code"] == "invalid_parameter"
    assert shop.get(99, 404)["code"] == "not_found"


def test_evidence_is_an_organisation_s_own(shop: Shop) -> None:
    number = shop.fail()
    shop.get(number)
    stranger = Shop("rival")
    assert stranger.get(number, 404)
    own = stranger.fail("theirs")
    assert "payError" not in str(stranger.get(own))
    group = Group.objects.get(type="payError")
    assert snapshots.kept(stranger.organisation.pk, group.pk) is None
    sender = Client(headers={"x-api-key": make_api_key(shop.organisation, scopes=["ingest"])[1]})
    assert sender.get(f"/v1/groups/{number}/evidence").status_code == 403


def test_part_that_takes_too_long_says_so_and_the_others_stand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another transaction holds the entries; there is little time for all that ask for them."""
    number = shop.fail()
    monkeypatch.setattr(looked_at, "PART_SECONDS", 0.2)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE storage_entry, issues_release")
            locked.set()
            done.wait(60)
            cursor.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(60)
        found = shop.get(number)
    finally:
        done.set()
        thread.join()
    statuses = {name: part["status"] for name, part in found["parts"].items()}
    late = {name for name, status in statuses.items() if status == "timed_out"}
    may_be_late = {"relatives"}  # on a busy machine
    assert late - may_be_late == {"first_seen", "different", "before", "when", "traces"}
    assert statuses["who"] == statuses["basis"] == "ok"
    assert found["is_complete"] is False
    assert "seconds" in found["parts"]["different"]["note"]
    assert not Snapshot.objects.get().is_complete


def test_all_evidence_ends_in_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    number = shop.fail()
    monkeypatch.setattr(looked_at, "ALL_SECONDS", 0.0)
    parts = shop.get(number)["parts"]
    assert {part["status"] for name, part in parts.items() if name not in ("who", "basis")} == {"timed_out"}


def test_bug_in_a_part_leaves_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    number = shop.fail()
    monkeypatch.setitem(PARTS, "who", lambda _: {"status": "ok", "n": 1 // 0})
    found = shop.get(number)
    assert found["parts"]["who"]["status"] == "failed"
    assert found["parts"]["different"]["status"] in ("ok", "nothing")


def test_one_organisation_does_not_gather_all_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    number = shop.fail()
    monkeypatch.setattr(evidence, "ALL_SECONDS", 0.0)
    monkeypatch.setattr(evidence, "_gathering", Shares(2, for_each=0))
    with pytest.raises(Refusal) as raised:
        evidence.evidence_of(shop.organisation.pk, number)
    assert raised.value.code == "overloaded"


def _erased(shop: Shop) -> None:
    [explanations] = [one for one in holdings() if one.name == "explanations"]
    wanted = Wanted(shop.organisation.pk, ("whatever is sought",))
    assert explanations.count(wanted) == explanations.erase(wanted) == 1


def _grew_old(_shop: Shop) -> None:
    Snapshot.objects.update(oldest_at=datetime.now(UTC) - timedelta(days=31))
    forgetting.sweep()


GOING: dict[str, Callable[[Shop], Any]] = {
    "scrubbed": lambda shop: forgetting.forget(shop.organisation.pk),
    "erased": _erased,
    "old": _grew_old,
    "group": lambda _: execute("DELETE FROM issues_group"),
    "organisation": lambda shop: forgetting.forget_organisation(shop.organisation.pk),
}


@pytest.mark.parametrize("why", GOING)
def test_snapshot_goes(shop: Shop, why: str) -> None:
    shop.get(shop.fail())
    for table in ("issues_fingerprint", "issues_turn"):
        execute(f"DELETE FROM {table}")
    forgetting.sweep()
    assert forgetting.count(shop.organisation.pk) == Snapshot.objects.count() == 1
    GOING[why](shop)
    assert not Snapshot.objects.exists()


def test_what_was_read_before_an_erasure_is_not_kept_after_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    number = shop.fail()
    basis = PARTS["basis"]

    def erased_meanwhile(look: Any) -> Any:
        forgetting.forget(shop.organisation.pk)
        return basis(look)

    monkeypatch.setitem(PARTS, "basis", erased_meanwhile)
    assert shop.get(number)["number"] == number
    assert not Snapshot.objects.exists()
    monkeypatch.setitem(PARTS, "basis", basis)
    shop.get(number)
    assert Snapshot.objects.count() == Forgotten.objects.count() == 1


def test_page_shows_evidence_to_whoever_may_look_and_records_it(shop: Shop) -> None:
    number = outage(shop)
    user = User.objects.create_user("ada", password="x", is_staff=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/admin/errors/{number}/evidence/?organisation=acme"
    assert client.get(address).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_logs"))

    def text(address: str, status: int = 200) -> str:
        response = client.get(address)
        assert response.status_code == status
        return response.content.decode()

    waiting = text(f"/admin/errors/{number}/?organisation=acme")
    assert "data-unread" in waiting
    assert "data-is-fresh" not in waiting
    page = text(address)
    assert "data-evidence-of" in page
    assert "calling the bank &lt;" in page
    shown = unescape(page)
    assert "card.brand</span> <strong>visa</strong>" in shown
    assert f"query=group%3A{number}+card.brand%3A%22visa%22" in shown
    assert "Release 1.4.1 before it never had it." in shown
    group = text(f"/admin/errors/{number}/?organisation=acme")
    assert "data-is-fresh" in group
    assert "<strong>visa</strong>" in group
    assert "suggestion" not in group  # no model is set up
    text("/admin/errors/99/evidence/?organisation=acme", 404)
    text(f"/admin/errors/{10**12}/evidence/?organisation=acme", 404)
    assert client.post(address, {"action": "ask"}).status_code == 403
    looks = AccessRecord.objects.filter(action="evidence").order_by("id").values_list("username", "subject")
    assert list(looks) == [("ada", f"#{number}"), ("ada", "#99")]
