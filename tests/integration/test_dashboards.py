"""Dashboards: who sees and changes which, what panels answer, and what they spare the store."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry as Audit
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import AccessRecord, Organisation, User
from explore import aggregates
from explore.dashboards import asked, overview, sparing
from explore.held import DASHBOARDS
from explore.models import Dashboard
from explore.parameters import Parameters
from foundation.expiring import Expiring
from foundation.holdings import Wanted
from foundation.refusals import Refusal
from quotas.models import Quota
from storage.wall import ALIAS
from tests.entries import line, store_batch
from tests.organisations import make_api_key, make_organisation

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

ENDPOINTS = "/admin/explore/explorer/dashboards"
PANEL = {"id": "p1", "kind": "series", "title": "By level", "by": ["level"]}


@pytest.fixture(autouse=True)
def nothing_answered() -> None:
    sparing.forget()
    overview.forget()
    aggregates.forget_answers()


@pytest.fixture
def acme() -> Organisation:
    return make_api_key()[0].organisation


def member(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, password="x", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def operator(name: str) -> Client:
    verbs = [f"explore.{verb}_dashboard" for verb in ("view", "add", "change", "delete")]
    return member(name, "explore.view_logs", "quotas.view_monthlyusage", *verbs)


def make(client: Client, title: str = "Mine", access: str = "private", **more: Any) -> str:
    body = {"document": {"title": title, "panels": [PANEL], **more}, "access": access}
    answer = client.post(f"{ENDPOINTS}?organisation=acme", body, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["name"])


def get(client: Client, rest: str, **asked: Any) -> Any:
    return client.get(f"{ENDPOINTS}/{rest}", {"organisation": "acme", **asked})


def put(client: Client, name: str, edition: int, access: str | None = None, **document: Any) -> Any:
    body = {"document": {"title": "Mine", "panels": [PANEL], **document}, "edition": edition}
    body |= {"access": access} if access else {}
    return client.put(f"{ENDPOINTS}/{name}?organisation=acme", body, content_type="application/json")


def store_payments(organisation: Organisation) -> datetime:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for at, project in enumerate(("shop", "web")):
        lines = [
            line(
                f"paid {n}",
                timestamp=now - timedelta(minutes=n + 1),
                level="error" if n % 5 == 0 else "info",
                metadata={"duration_ms": n, "region": ("eu", 'u"s')[at]},
            )
            for n in range(at, 20, 2)
        ]
        store_batch(organisation, lines, project=project)
    return now


def test_own_shared_and_open_ones(acme: Organisation) -> None:
    ada, bob = operator("ada"), operator("bob")
    reader = member("cleo", "explore.view_logs", "explore.view_dashboard")
    stranger = member("dan", "explore.view_logs")
    names = {access: make(ada, access, access) for access in ("private", "shared", "open")}

    def seen(client: Client) -> dict[str, bool]:
        listed = client.get(ENDPOINTS, {"organisation": "acme"}).json()["dashboards"]
        return {one["title"]: one["may_change"] for one in listed}

    assert seen(ada) == {"private": True, "shared": True, "open": True}
    assert seen(bob) == {"shared": False, "open": True}
    assert seen(reader) == {"shared": False, "open": False}
    assert seen(stranger) == {}
    assert [get(stranger, name).status_code for name in ("overview", names["open"])] == [403, 403]
    for client, name, status in (
        (bob, names["private"], 404),
        (bob, names["shared"], 400),
        (reader, names["open"], 400),
        (bob, names["open"], 200),
    ):
        answer = put(client, name, 1, title="open")
        assert (answer.status_code == 200) == (status == 200), answer.json()
        assert get(client, name).status_code == (404 if status == 404 else 200)
    assert put(bob, names["open"], 2, access="private").json()["code"] == "forbidden"
    assert get(bob, f"{names['private']}/panels/p1").status_code == 404
    assert bob.delete(f"{ENDPOINTS}/{names['open']}?organisation=acme").status_code == 403
    assert reader.post(f"{ENDPOINTS}?organisation=acme", {}, content_type="application/json").status_code in (400, 403)
    User.objects.get(username="ada").delete()
    assert seen(bob) == {"private": True, "shared": True, "open": True}, "whoever may change them takes care of them"
    assert bob.delete(f"{ENDPOINTS}/{names['private']}?organisation=acme").status_code == 204
    assert Dashboard.objects.count() == 2


def test_dashboard_stays_in_its_organisation(acme: Organisation) -> None:
    other = make_organisation("other")
    ada = operator("ada")
    name = make(ada, access="open")
    answer = ada.get(f"{ENDPOINTS}/{name}", {"organisation": other.slug})
    assert answer.status_code == 404
    store_payments(other)
    assert get(ada, "overview/panels/levels").json()["figures"]["scanned"] == 0


def test_nobody_overwrites_what_they_have_not_seen(acme: Organisation) -> None:
    ada = operator("ada")
    name = make(ada)
    assert put(ada, name, 1, refresh=30).json()["edition"] == 2
    answer = put(ada, name, 1, refresh=300)
    assert (answer.status_code, "meanwhile" in answer.json()["detail"]) == (400, True)
    assert get(ada, name).json()["document"]["refresh"] == 30
    trail = Audit.objects.filter(content_type__model="dashboard").order_by("id")
    assert [one.object_repr for one in trail] == [f"dashboard {name}"] * 2
    assert trail[1].changes["edition"] == ["1", "2"]
    assert ada.delete(f"{ENDPOINTS}/{name}?organisation=acme").status_code == 204
    assert get(ada, name).status_code == 404


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"title": ""}, "/title"),
        ({"title": 5}, "/title"),
        ({"version": 2}, "version 2"),
        ({"panels": [PANEL] * 2}, "same id: p1"),
        ({"panels": [PANEL | {"id": f"p{n}"} for n in range(25)]}, "/panels"),
        ({"panels": [PANEL | {"width": 5}]}, "/panels/0/width"),
        ({"panels": [PANEL | {"kind": "pie"}]}, "/panels/0/kind"),
        ({"panels": [PANEL | {"query": "a AND"}]}, "Panel “By level”"),
        ({"panels": [PANEL | {"query": "a\0b"}]}, "U+0000"),
        ({"panels": [PANEL | {"title": "a\0b"}]}, "U+0000"),
        ({"panels": [PANEL | {"measure": "median:ms"}]}, "measure must be"),
        ({"panels": [PANEL | {"by": ["a", "b", "c"]}]}, "/panels/0/by"),
        ({"panels": [PANEL | {"id": "p1", "script": "x"}]}, "script"),
        ({"panels": [PANEL | {"id": f"p{n}", "text": "x" * 2000} for n in range(20)]}, "32 KiB"),
        ({"range": "forever"}, "/range"),
        ({"variables": [{"name": "project", "field": "a"}]}, "same name"),
        ({"variables": [{"name": "when", "field": "timestamp"}]}, "Variable when"),
        ({"panels": "x"}, "/panels"),
    ],
)
def test_what_cannot_be_imported_is_named(acme: Organisation, given: dict[str, Any], said: str) -> None:
    body = {"document": {"title": "Mine", **given}}
    answer = operator("ada").post(f"{ENDPOINTS}?organisation=acme", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_payload")
    assert said in answer.json()["detail"]
    assert not Dashboard.objects.exists()


def test_export_is_imported_as_it_was(acme: Organisation) -> None:
    ada, other = operator("ada"), make_organisation("other")
    more: dict[str, Any] = {"range": "7d", "refresh": 0, "variables": [{"name": "region", "field": "region"}]}
    exported = get(ada, f"{make(ada, **more)}/export")
    assert exported.headers["Content-Disposition"].startswith("attachment")
    body = {"document": json.loads(exported.content)}
    made = ada.post(f"{ENDPOINTS}?organisation={other.slug}", body, content_type="application/json").json()["name"]
    again = ada.get(f"{ENDPOINTS}/{made}/export", {"organisation": other.slug})
    assert json.loads(again.content) == body["document"]
    overview_exported = json.loads(get(ada, "overview/export").content)
    assert ada.post(
        f"{ENDPOINTS}?organisation=acme", {"document": overview_exported}, content_type="application/json"
    ).status_code == 201  # fmt: skip


BEYOND: list[dict[str, Any]] = [
    {"title": ""},
    {"access": "public"},
    {"document": {"panels": [{}] * 25}},
    {"document": {"text": "x" * 2**16}},
]


def test_database_bounds_what_a_dashboard_holds(acme: Organisation) -> None:
    def keep(**fields: Any) -> None:
        with transaction.atomic():
            Dashboard.objects.create(organisation=acme, **{"title": "x", "document": {"panels": []}, **fields})

    for fields in BEYOND:
        with pytest.raises(IntegrityError):
            keep(**fields)
    keep()
    newer = Dashboard.objects.create(
        organisation=acme, title="newer", access="shared", document={"panels": [{"id": "a", "kind": "pie"}]}
    )
    answer = get(operator("ada"), str(newer.pk))
    assert (answer.status_code, "newer version" in answer.json()["detail"]) == (400, True)


def test_overview_answers_all_its_panels(acme: Organisation) -> None:
    now = store_payments(acme)
    ada = operator("ada")
    shown = get(ada, "overview").json()
    panels = {one["id"]: one for one in shown["document"]["panels"]}
    assert panels["slowest"]["measure"] == "p95:duration_ms"
    assert (shown["is_built_in"], shown["may_change"], shown["may_make"]) == (True, False, True)
    answers = {name: get(ada, f"overview/panels/{name}").json() for name in panels if name != "quota"}
    values = {
        name: [(*row["by"], row["value"]) for row in answers[name]["figures"]["rows"]]
        for name in ("levels", "errors", "failing", "slowest")
    }
    assert values == {
        "levels": [("info", 16), ("error", 4)],
        "errors": [(4,)],
        "failing": [("shop", 2), ("web", 2)],
        "slowest": [("web", 19), ("shop", 18)],
    }
    assert answers["errors"]["before"]["rows"] == [{"by": [], "value": 0}]
    assert [one["message"] for one in answers["newest"]["logs"]] == ["paid 0", "paid 5", "paid 10", "paid 15"]
    assert datetime.fromisoformat(answers["newest"]["logs"][0]["timestamp"]) == now - timedelta(minutes=1)
    assert {(one["project"], one["events"]) for one in answers["groups"]["groups"]} == {("shop", 2), ("web", 2)}
    quota = get(ada, "overview/panels/quota").json()
    assert 0 <= quota["used_bytes"] < quota["limit_bytes"]
    Quota.objects.filter(organisation=Organisation.objects.create(name="Bare", slug="bare")).delete()
    without = get(ada, "overview/panels/quota", organisation="bare")
    assert (without.status_code, without.json().get("detail")) == (
        404,
        "This organisation has no plan yet, and so no quota.",
    )
    reader = member("cleo", "explore.view_logs", "explore.view_dashboard")
    assert get(reader, "overview/panels/quota").status_code == 403
    assert get(ada, "overview/panels/nothing").status_code == 404


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({"var.project": "web"}, 10),
        ({"var.project": ["web", "shop"]}, 20),
        ({"var.environment": "lab"}, 0),
        ({"var.region": 'u"s'}, 10),
        ({"var.region": "eu", "var.project": "shop"}, 10),
        ({"var.region": 'eu" OR level:info OR "'}, 0),
        ({"range": "5m"}, 4),
    ],
)
def test_variables_and_range_narrow_panels(acme: Organisation, narrowed: dict[str, Any], expected: int) -> None:
    store_payments(acme)
    ada = operator("ada")
    name = make(ada, variables=[{"name": "region", "field": "region"}])
    answer = get(ada, f"{name}/panels/p1", **narrowed).json()
    found = sum(row["value"] for row in answer["figures"]["rows"])
    assert found == expected or ("range" in narrowed and abs(found - expected) <= 1)
    assert get(ada, f"{name}/panels/p1", **{"var.status": "500"}).status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        *({"range": text} for text in ("9999d", "x", "0h")),
        {"from": "a"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"var.project": list("abcdefghijk")},
    ],
)
def test_what_cannot_be_asked_is_refused(acme: Organisation, given: dict[str, Any]) -> None:
    answer = get(operator("ada"), "overview/panels/levels", **given)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


def test_opening_is_one_record_and_a_trial_another(acme: Organisation) -> None:
    ada = operator("ada")
    name = make(ada)
    look: dict[str, Any] = {"HTTP_X_LOOK": "6f1c7a52-6a0e-4b7c-9c3b-0d8f7f1f8a11"}
    for panel in ("p1", "p1"):
        ada.get(f"{ENDPOINTS}/{name}/panels/{panel}", {"organisation": "acme", "var.project": "web"}, **look)
    record = AccessRecord.objects.get()
    assert (record.action, record.query) == ("dashboard", 'project:("web")')
    assert record.subject == f"Mine ({name}, edition 1)"
    ada.get(f"{ENDPOINTS}/{name}/panels/p1", {"organisation": "acme", "var.project": "shop"}, **look)
    assert AccessRecord.objects.count() == 2, "an old name does not cover another question"
    trial = ada.post(f"{ENDPOINTS}/panel?organisation=acme", PANEL | {"query": "paid"}, content_type="application/json")
    assert trial.status_code == 200, trial.json()
    last = AccessRecord.objects.latest("id")
    assert (last.action, last.query, last.subject) == ("aggregate", "paid", "count by level")


def test_panel_is_added_from_the_explorer(acme: Organisation) -> None:
    ada = operator("ada")
    name = make(ada)
    given = {"kind": "series", "title": "p95", "measure": "p95:ms", "by": ["region"], "chart": "lines"}
    for _ in range(2):
        answer = ada.post(f"{ENDPOINTS}/{name}/panels?organisation=acme", given, content_type="application/json")
        assert answer.status_code == 201, answer.json()
    shown = get(ada, name).json()
    assert ([one["id"] for one in shown["document"]["panels"]], shown["edition"]) == (["p1", "p2", "p3"], 3)


def test_erasing_takes_panels_that_hold_a_value(acme: Organisation) -> None:
    ada = operator("ada")
    panels = [PANEL, PANEL | {"id": "p2", "query": "userId:bob@example.com"}]
    name, other = make(ada, "of bob@example.com", panels=panels), make(ada, "another")
    wanted = Wanted(acme.pk, ("bob@example.com",))
    assert DASHBOARDS.count(wanted) == 1
    assert DASHBOARDS.erase(wanted) == 1
    row = Dashboard.objects.get(pk=name)
    assert (row.title, [one["id"] for one in row.document["panels"]], row.edition) == ("of [erased]", ["p1"], 2)
    assert get(ada, name).status_code == 200
    assert Dashboard.objects.get(pk=other).edition == 1
    assert DASHBOARDS.count(wanted) == 0


def test_dashboards_go_with_their_organisation() -> None:
    bare = Organisation.objects.create(name="Bare", slug="bare")
    Dashboard.objects.create(organisation=bare, title="x", document={"panels": []})
    bare.delete()
    assert not Dashboard.objects.exists()


def test_many_viewers_cost_what_one_does(
    acme: Organisation, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen that is left open is answered from memory until the minute is over."""
    monkeypatch.setattr(sparing, "_kept", Expiring(capacity=sparing.MOST_KEPT, clock=lambda: 0.0))
    store_payments(acme)
    ada = operator("ada")
    ended = {"from": "2026-11-01T00:00:00Z", "to": (datetime.now(UTC) - timedelta(seconds=30)).isoformat()}
    names = [one["id"] for one in get(ada, "overview").json()["document"]["panels"] if one["id"] != "quota"]
    first = {name: get(ada, f"overview/panels/{name}", **ended).content for name in names}
    with django_assert_num_queries(0, using=ALIAS):
        again = {name: get(ada, f"overview/panels/{name}", **ended).content for name in names for _ in range(10)}
    assert again == first


def test_dashboards_leave_places_for_others(acme: Organisation) -> None:
    """While all that dashboards may have is running, reads of anybody and other dashboards go on."""
    other = make_api_key(make_organisation("other"))[0].organisation
    running: list[str] = []

    def while_running(key: str, owner: int, then: Callable[[], None]) -> None:
        def make_it() -> bytes:
            running.append(key)
            then()
            return b"{}"

        sparing.spared(key, make_it, owner=owner, seconds=60)

    def refused(key: str, owner: int) -> bool:
        try:
            return sparing.spared(key, lambda: b"", owner=owner, seconds=60) is None
        except Refusal as refusal:
            return refusal.code == "overloaded"

    def at_the_most() -> None:
        assert len(running) == sparing.PLACES._by_owner[acme.pk] == 2
        assert refused("c", acme.pk), "an organisation has half of the places"
        assert refused("a", other.pk), "what is being answered is not asked twice"
        assert not refused("d", other.pk), "another organisation's dashboard is answered"
        ada = operator("ada")
        store_payments(other)
        search = ada.get("/admin/explore/explorer/search", {"organisation": "other"})
        assert (search.status_code, len(search.json()["logs"])) == (200, 20)
        assert get(ada, "overview/panels/levels").json()["code"] == "overloaded"

    while_running("a", acme.pk, lambda: while_running("b", acme.pk, at_the_most))
    assert sparing.PLACES.taken == 0
    assert not refused("c", acme.pk)


@pytest.mark.parametrize(
    ("length", "end"), [("24h", "12:34:00"), ("1h", "12:34:00"), ("59m", "12:34:45"), ("2w", "12:34:00")]
)
def test_ranges_that_end_now_are_the_same_for_a_while(length: str, end: str) -> None:
    """So viewers share an answer, and counts by level come from whole minutes."""
    now = datetime(2026, 11, 27, 12, 34, 56, 789, tzinfo=UTC)
    wanted = asked.read(Parameters({"range": length}), {}, usual="24h", now=now)
    assert wanted.end == datetime.fromisoformat(f"2026-11-27T{end}Z")
    later = asked.read(Parameters({"range": length}), {}, usual="24h", now=now + timedelta(seconds=3))
    assert wanted == later


def test_pages_open_for_those_who_may(acme: Organisation) -> None:
    ada, stranger = operator("ada"), member("dan", "explore.view_logs")
    name = make(ada, "<b>Mine</b>")
    page = ada.get("/admin/dashboards/?organisation=acme")
    assert page.status_code == 200
    assert "&lt;b&gt;Mine&lt;/b&gt;" in page.content.decode()
    for path in ("", "overview/", f"{name}/"):
        opened = ada.get(f"/admin/dashboards/{path}?organisation=acme")
        assert opened.status_code == 200
        assert "trusted-types 'none'" in opened.headers["Content-Security-Policy"]
        assert stranger.get(f"/admin/dashboards/{path}").status_code == 403
    assert ada.get("/admin/palette/", {"q": "Mine"}).status_code == 200
