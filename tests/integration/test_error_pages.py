"""The console's pages of errors: the list, one group, decisions on them, who may, and what is recorded."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.caller import Caller
from accounts.models import AccessRecord, User
from ingest.models import DrainClaim
from issues.models import Group, Turn
from storage.models import LogEntry
from storage.postgres import partitions
from tests.error_pages import LIST, fail, page_of, staff, text_of
from tests.errors import failure, store
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

STACK = [
    "at pay (/app/src/pay.js:1:2)",
    "at next (/app/node_modules/express/router.js:3:4)",
    "at shop (/app/src/shop.js:5:6)",
]


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


@pytest.fixture
def acme() -> Caller:
    key, _ = make_api_key(make_organisation("acme", plan=make_plan(slug="acme")))
    return caller_of(key)


def listed(client: Client, **parameters: Any) -> list[int]:
    page = text_of(client, LIST, organisation="acme", **parameters)
    return [int(number) for number in re.findall(r'<a href="/admin/errors/(\d+)/\?organisation=acme">', page)]


def test_list_filters_sorts_and_pages(acme: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    alpha = fail(acme, "alpha", 3, environment="live", metadata={"release": "1.0", "user_id": "ann"})
    beta = fail(acme, "beta", 2, project_id="web", metadata={"release": "1.1"})
    gamma = fail(acme, "gamma", environment="test")
    client = staff()
    assert listed(client) == [gamma, beta, alpha]
    assert listed(client, sort="events") == [alpha, beta, gamma]
    assert listed(client, environment="live") == listed(client, release="1.0") == [alpha]
    assert listed(client, project="web") == listed(client, query="no beta") == [beta]
    assert listed(client, state="new") == listed(client, state="all") == [gamma, beta, alpha]
    assert listed(client, state="resolved") == []
    assert "No group is found so" in text_of(client, LIST, organisation="acme", query="nothing")
    assert listed(client, state="odd", sort="odd", cursor="forged", query="\0" * 300) == [gamma, beta, alpha]

    monkeypatch.setattr("issues.list_page.SHOWN", 2)
    first = text_of(client, LIST, organisation="acme", sort="events")
    [following] = re.findall(r'<a href="(\?[^"]+)" rel="next">', first)
    rest = text_of(client, LIST + following)
    assert re.findall(r'<a href="/admin/errors/(\d+)/', rest) == [str(gamma)]
    assert "rel=" not in rest.split("ll-paging")[1]

    row = text_of(client, LIST, organisation="acme", query="alpha")
    assert "alphaError" in row
    assert "3 events in 24 hours" in row
    assert '<td class="ll-release" data-label="Release">1.0</td>' in row
    assert '<span class="badge ll-new">new</span>' in row
    [sparkline] = re.findall(r'<path d="([^"]*)"></path></svg>', row)
    assert sparkline.count("V0") == 1  # one bar, the highest


def test_list_without_errors_says_how_to_send_one(acme: Caller) -> None:
    client = staff()
    page = text_of(client, LIST, organisation="acme")
    assert "No error yet" in page
    assert "/v1/logs" in page
    fail(acme, "alpha")
    assert "No error yet" not in text_of(client, LIST, organisation="acme")


def test_group_tells_what_is_known_of_it(acme: Caller) -> None:
    entry = {"environment": "live", "trace_id": "5ee3", "metadata": {"release": "1.0", "user_id": "ann"}}
    store(acme, *[failure("PayError", "no money & <b>more</b>", stack=STACK, **entry)] * 3)
    [number] = Group.objects.values_list("number", flat=True)
    client = staff()
    response = client.get(page_of(number))
    assert "no money & <b>" not in response.content.decode()  # a stranger's words stay text
    page = unescape(response.content.decode())
    assert "<dt>Events</dt><dd>3</dd>" in page
    assert "<dt>People</dt><dd>1</dd>" in page
    assert "Grouped by type and 2 frames: PayError · src/pay.js|pay · src/shop.js|shop" in page
    assert '<summary>1 library frame</summary><pre class="ll-library">at next' in page
    assert '<th scope="row">live</th><td class="number">3</td><td class="number">100 %</td>' in page
    assert '<th scope="row">1.0</th>' in page
    assert re.search(r"view=trace&of=5ee3", page)
    newest, *others = LogEntry.objects.order_by("-id").values_list("id", flat=True)
    assert f"entry={newest}&view=context&of={newest}" in page
    older = text_of(client, page_of(number) + f"&sample={others[-1]}&days=90")
    assert f"<dt>Entry</dt><dd><code>{others[-1]}</code>" in older
    assert [text_of(client, page_of(number) + f"&days={days}").count('"times": [') for days in ("1", "odd")] == [1, 1]
    LogEntry.objects.all().delete()
    assert "retention took them" in text_of(client, page_of(number))


def test_decisions_are_taken_and_told(acme: Caller) -> None:
    number = fail(acme, "pay", 2, metadata={"release": "1.0"})
    client = staff()

    def do(**asked: str) -> str:
        response = client.post(page_of(number), asked, follow=True)
        assert response.redirect_chain == [(page_of(number), 302)]
        return unescape(response.content.decode())

    assert "Resolved in the next release" in do(action="next_release")
    assert Group.objects.get().resolution == "next_release"
    assert "unresolve it first" in do(action="ignore", until="day")
    assert "Unresolved." in do(action="unresolve")
    for until in ("hour", "day", "week", "100-events", "1000-events", "100-an-hour", "10-people"):
        assert "Ignored" in do(action="ignore", until=until)
        assert Group.objects.get().state == "ignored"
    assert "Choose until when" in do(action="ignore", until="odd")
    assert "Muted." in do(action="mute")
    assert "Resolved in 2.0." in do(action="release", release="2.0")
    assert "Name the release" in do(action="release", release=" ")
    assert "assigned to <strong>ada</strong>" in do(action="assign", assignee="ada")
    assert "Assign it to" in do(action="assign", assignee="nobody-here")
    assert "Assigned to nobody" in do(action="assign", assignee="")
    page = do(action="comment", comment="it was <DNS>")
    assert "it was <DNS>" in page
    assert "it was <DNS>" not in client.get(page_of(number)).content.decode()
    assert "1 to 10,000 characters" in do(action="comment", comment="")
    assert "Choose what" in do(action="odd")
    user = User.objects.get(username="ada")
    assert set(Turn.objects.exclude(what="new").values_list("who_id", flat=True)) == {user.pk}


def test_several_are_decided_on_at_once(acme: Caller) -> None:
    numbers = [fail(acme, name) for name in ("alpha", "beta", "gamma")]
    client = staff()
    address = f"{LIST}?organisation=acme&state=all"
    page = client.post(address, {"action": "resolve", "number": [*numbers[:2], 999, "x"]}, follow=True)
    assert page.redirect_chain == [(address, 302)]
    assert "2 groups: Resolved." in page.content.decode()
    assert "#999: it is gone." in page.content.decode()
    assert list(Group.objects.order_by("number").values_list("state", flat=True)) == [
        "resolved",
        "resolved",
        "unresolved",
    ]
    assert "next_release" not in str(client.post(address, {"action": "next_release", "number": numbers}).headers)
    assert "No release of this project is known" in client.get(address).content.decode()
    assert "Tick the groups" in client.post(address, {"action": "resolve"}, follow=True).content.decode()
    assert listed(client, state="resolved") == numbers[1::-1]


def test_groups_are_an_organisation_s_own(acme: Caller) -> None:
    other = caller_of(make_api_key(make_organisation("other", plan=make_plan(slug="other")))[0])
    fail(other, "alpha")
    fail(other, "beta")
    number = fail(acme, "gamma")
    client = staff()
    assert listed(client) == [number]
    assert "betaError" not in text_of(client, page_of(number))
    foreign = next(one for one in (1, 2) if one != number)
    text_of(client, page_of(foreign), 404)
    text_of(client, page_of(10**12), 404)
    assert client.post(page_of(foreign), {"action": "resolve"}).status_code == 404
    assert client.post(f"{LIST}?organisation=acme", {"action": "resolve", "number": foreign}).status_code == 302
    assert not Group.objects.filter(state="resolved").exists()


def test_merged_group_leads_to_the_other(acme: Caller) -> None:
    first, second = fail(acme, "alpha"), fail(acme, "beta")
    Group.objects.filter(number=second).update(merged_into=Group.objects.get(number=first))
    client = staff()
    assert client.get(page_of(second)).headers["Location"] == page_of(first)


def test_who_may_look_and_who_may_decide(acme: Caller) -> None:
    number = fail(acme, "pay")
    for role in ("Support", "Auditors"):
        stranger = staff(role.lower(), role=role)
        for address in (LIST, page_of(number)):
            text_of(stranger, address, 403)
            assert stranger.post(address, {"action": "resolve", "number": number}).status_code == 403
    assert Client().get(page_of(number)).status_code == 302
    reader = User.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_logs"))
    client = Client(enforce_csrf_checks=True)
    client.force_login(reader, backend="django.contrib.auth.backends.ModelBackend")
    for address in (f"{LIST}?organisation=acme", page_of(number)):
        assert 'name="action"' not in text_of(client, address)
        assert client.post(address, {"action": "resolve", "number": number}).status_code == 403
    client.handler.enforce_csrf_checks = False
    for address in (f"{LIST}?organisation=acme", page_of(number)):
        assert client.post(address, {"action": "resolve", "number": number}).status_code == 403
    decider = staff()
    decider.handler.enforce_csrf_checks = True
    assert decider.post(page_of(number), {"action": "resolve"}).status_code == 403
    assert Group.objects.get().state == "unresolved"


def test_each_look_is_recorded_first(acme: Caller) -> None:
    number = fail(acme, "pay")
    client = staff()
    began = datetime.now(UTC)
    listed(client, query="4111 1111 1111 1111", state="new")
    text_of(client, page_of(number))
    text_of(client, page_of(number) + "&sample=7")
    text_of(client, page_of(999), 404)
    rows = AccessRecord.objects.filter(at__gte=began).order_by("id")
    assert [(row.username, row.organisation, row.action, row.subject) for row in rows] == [
        ("ada", "acme", "groups", ""),
        ("ada", "acme", "group", f"#{number}"),
        ("ada", "acme", "group", f"#{number}, entry 7"),
        ("ada", "acme", "group", "#999"),
    ]
    query = rows[0].query
    assert query.startswith("state:new query:")
    assert "4111 1111" not in query  # a card's number is no more kept here than in an entry
