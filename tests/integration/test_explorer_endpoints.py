"""The explorer's page and endpoints: who may, what is recorded, what is kept apart."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import AccessRecord, Organisation, User
from explore.explorer import saved
from explore.explorer.looks import with_levels
from explore.models import SavedSearch
from explore.parameters import Parameters
from explore.tail import ticket
from storage.models import LogEntry
from tests.entries import line, store_batch
from tests.organisations import make_api_key, make_organisation

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

EXPLORER, PAGE = "/admin/explorer/", "/admin/explore/explorer/"  # the page, and what its endpoints lie below
READS = [
    "search",
    "histogram",
    "fields",
    "values",
    "aggregate",
    "patterns",
    "releases",
    "export",
    "entries/1",
    "entries/1/context",
    "traces/abc",
    "saved",
]


@pytest.fixture
def acme() -> Organisation:
    return make_api_key()[0].organisation


def _member(*groups: str, **fields: Any) -> User:
    user = User.objects.create_user("ada", password="x", is_staff=True, **fields)
    for name in groups:
        _put_back_roles()
        user.groups.add(Group.objects.get(name=name))
    return user


def _put_back_roles() -> None:
    """A transactional test before this one flushed what the migrations had made."""
    import_module("accounts.migrations.0002_rules").make_roles(apps, None)


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(_member("Operators"))
    return client


def _ask(client: Client, path: str, **parameters: Any) -> HttpResponse:
    return client.get(PAGE + path, {"organisation": "acme", **parameters})  # type: ignore[return-value]


def test_page_opens_for_operators_with_a_strict_policy(
    operator: Client, acme: Organisation, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        response = operator.get(EXPLORER)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "unsafe" not in policy
    assert b'"slug": "acme"' in response.content


def test_links_of_before_lead_to_the_page(operator: Client) -> None:
    answer = operator.get(PAGE, {"organisation": "acme", "query": "level:error"})
    assert answer.headers["Location"] == EXPLORER + "?organisation=acme&query=level%3Aerror"


def test_page_allows_the_tail_s_own_address(operator: Client, settings: Any) -> None:
    settings.TAIL_URL = "http://127.0.0.1:9000"
    policy = operator.get(EXPLORER).headers["Content-Security-Policy"]
    assert "connect-src 'self' http://127.0.0.1:9000;" in policy


def test_explorer_stands_in_the_index_of_operators_only(client: Client, operator: Client) -> None:
    assert EXPLORER in operator.get("/admin/").content.decode()
    User.objects.all().delete()
    client.force_login(_member("Support"))
    assert EXPLORER not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("role", ["Support", "Auditors"])
@pytest.mark.parametrize("path", ["", *READS])
def test_other_roles_may_not_look(client: Client, acme: Organisation, role: str, path: str) -> None:
    client.force_login(_member(role))
    assert _ask(client, path).status_code == 403
    assert not AccessRecord.objects.exists()


@pytest.mark.parametrize("path", READS)
def test_ended_session_is_told_in_json(client: Client, acme: Organisation, path: str) -> None:
    response = _ask(client, path)
    assert response.status_code == 403
    assert json.loads(response.content)["signed_out"] is True


def test_page_without_a_session_leads_to_the_login(client: Client) -> None:
    assert client.get(EXPLORER).headers["Location"].startswith("/admin/login/")


def test_member_who_left_may_not_look(client: Client, acme: Organisation) -> None:
    user = _member("Operators")
    client.force_login(user)
    User.objects.update(is_staff=False)
    assert _ask(client, "search").status_code == 403


SEARCH = {"name": "x", "query": "x", "levels": "", "time_range": "1h"}
BODIES = {
    "nothing": b"",
    "cut": b"{",
    "no UTF-8": b"\xff",
    "deep": b'{"a":' * 10_000,
    "list": b"[]",
    "half an emoji": json.dumps({**SEARCH, "query": "\ud83d"}).encode(),
    "NUL": json.dumps({**SEARCH, "query": "\0"}).encode(),
    "number for a text": json.dumps({**SEARCH, "query": 1}).encode(),
    "huge": b" " * 100_000,
}


def test_body_that_is_no_object_of_texts_is_refused(operator: Client, acme: Organisation) -> None:
    for path in ("saved", "tail"):
        for name, body in BODIES.items():
            response = operator.post(f"{PAGE}{path}?organisation=acme", body, content_type="application/json")
            assert response.status_code in (400, 411, 413, 415), name
            assert json.loads(response.content)["code"]


def test_page_s_token_opens_what_it_sends_to(acme: Organisation) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(_member("Operators"))
    [token] = re.findall(r'name="csrf-token" content="(\w+)"', browser.get(EXPLORER).content.decode())
    address, body = f"{PAGE}saved?organisation=acme", json.dumps(SEARCH)
    assert browser.post(address, body, content_type="application/json").status_code == 403
    given: dict[str, Any] = {"content_type": "application/json", "headers": {"x-csrftoken": token}}
    assert browser.post(address, body, **given).status_code == 201
    assert browser.post(address, "{", **given).json()["code"] == "malformed_json"
    assert browser.post(f"{PAGE}tail", json.dumps({"organisation": "acme"}), **given).status_code == 200


@pytest.mark.parametrize("checks_csrf", [True, False])
def test_body_of_another_kind_is_refused(operator: Client, acme: Organisation, checks_csrf: bool) -> None:
    operator.handler.enforce_csrf_checks = checks_csrf
    for content_type in (
        "text/plain", "application/json; charset=nonsense", "multipart/form-data", "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=latin-1",
    ):  # fmt: skip
        response = operator.generic("POST", f"{PAGE}saved?organisation=acme", b"{}", content_type=content_type)
        assert response.status_code in (400, 403, 415), content_type
        assert json.loads(response.content)["code"]


def test_search_finds_and_is_recorded(operator: Client, acme: Organisation) -> None:
    store_batch(acme, [line("paid"), line("failed", level="error"), line("died", level="fatal")])
    found = _ask(operator, "search", query="-paid", levels="error,debug").json()  # type: ignore[attr-defined]
    assert [entry["message"] for entry in found["logs"]] == ["failed"]
    record = AccessRecord.objects.get()
    assert (record.username, record.organisation, record.action) == ("ada", "acme", "search")
    assert record.query == "(-paid) AND (level:error OR level:debug)"
    assert record.address == "127.0.0.1"
    assert record.range_end
    assert record.range_start
    assert record.range_end - record.range_start == timedelta(hours=1)


@pytest.mark.parametrize(
    ("path", "action", "subject"),
    [
        ("search", "search", ""),
        ("histogram", "histogram", ""),
        ("fields", "fields", ""),
        ("export", "export", ""),
        ("entries/ID", "entry", "ID"),
        ("entries/ID/context", "context", "ID"),
        ("traces/abc/def", "trace", "abc/def"),
    ],
)
def test_every_look_is_recorded(operator: Client, acme: Organisation, path: str, action: str, subject: str) -> None:
    store_batch(acme, [line("hello", trace_id="abc/def")])
    entry_id = str(LogEntry.objects.get().id)
    response = _ask(operator, path.replace("ID", entry_id))
    assert response.status_code == 200
    assert b"hello" in b"".join(response) or action in ("histogram", "fields")
    record = AccessRecord.objects.get()
    assert (record.action, record.subject) == (action, subject.replace("ID", entry_id))


def test_look_that_finds_nothing_is_recorded_too(operator: Client, acme: Organisation) -> None:
    assert _ask(operator, "entries/77").status_code == 404
    assert AccessRecord.objects.get().subject == "77"


def test_entries_of_another_organisation_are_as_absent_as_random_ones(operator: Client, acme: Organisation) -> None:
    other = make_organisation("other")
    store_batch(other, [line("secret", trace_id="theirs")])
    entry_id = LogEntry.objects.get().id
    for path, random in [
        (f"entries/{entry_id}", "entries/99"),
        (f"entries/{entry_id}/context", "entries/99/context"),
        ("traces/theirs", "traces/nobodys"),
    ]:
        theirs, nobodys = _ask(operator, path), _ask(operator, random)
        assert theirs.status_code == nobodys.status_code == 404
        assert _without_id(theirs) == _without_id(nobodys)
    assert _ask(operator, "search").json()["logs"] == []  # type: ignore[attr-defined]


def _without_id(response: HttpResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.content)
    return body | {"request_id": None}


@pytest.mark.parametrize("organisation", ["nobody", ""])
def test_unknown_organisation_is_not_found(operator: Client, organisation: str) -> None:
    assert operator.get(PAGE + "search", {"organisation": organisation}).status_code == 404


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"levels": "loud"}, "invalid_parameter"),
        ({"from": "yesterday"}, "invalid_parameter"),
        ({"unknown": "1"}, "invalid_parameter"),
    ],
)
def test_bad_parameter_is_refused(operator: Client, acme: Organisation, parameters: dict[str, str], code: str) -> None:
    response = _ask(operator, "search", **parameters)
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == code


def test_error_in_a_query_keeps_its_position_when_levels_are_chosen(operator: Client, acme: Organisation) -> None:
    body = json.loads(_ask(operator, "search", query="hello level:loud", levels="error").content)
    assert body["code"] == "invalid_query"
    assert body["position"] == json.loads(_ask(operator, "search", query="hello level:loud").content)["position"]


@pytest.mark.parametrize(
    ("query", "levels", "expected"),
    [
        ("a OR b", "", "a OR b"),
        ("", "error", "(level:error)"),
        ("a OR b", "error,fatal", "(a OR b) AND (level:error OR level:fatal)"),
    ],
)
def test_levels_join_the_query(acme: Organisation, query: str, levels: str, expected: str) -> None:
    assert with_levels(Parameters({"query": query, "levels": levels}), acme.pk).text("query") == expected


def test_export_is_safe_for_spreadsheets(operator: Client, acme: Organisation) -> None:
    store_batch(acme, [line('=HYPERLINK("http://evil")')])
    response = _ask(operator, "export", format="csv")
    assert "attachment" in response.headers["Content-Disposition"]
    assert "'=HYPERLINK" in b"".join(response).decode()


def test_tail_ticket_carries_who_and_what(operator: Client, acme: Organisation) -> None:
    given = {"organisation": "acme", "query": "a OR b", "levels": "error"}
    response = operator.post(PAGE + "tail", given, content_type="application/json")
    address = response.json()["url"]
    assert address.startswith("/admin/explore/tail?ticket=")
    found = ticket.redeem(_query_of(address)["ticket"])
    assert (found.organisation_id, found.query) == (acme.pk, "(a OR b) AND (level:error)")
    assert found.user_id == User.objects.get().pk
    assert AccessRecord.objects.get().action == "tail"


def test_ticket_for_a_wrong_query_or_a_stranger_is_refused(operator: Client, acme: Organisation) -> None:
    def post(body: object) -> int:
        return operator.post(PAGE + "tail", body, content_type="application/json").status_code

    assert post({"organisation": "acme", "query": "level:loud"}) == 400
    assert post({"organisation": "nobody"}) == 404
    assert post([1]) == 400
    assert post({"organisation": "acme", "query": 5}) == 400


def _query_of(address: str) -> dict[str, str]:

    return dict(parse_qsl(urlsplit(address).query))


def test_writes_need_the_csrf_token(acme: Organisation) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(_member("Operators"))
    for path in ("tail", "saved?organisation=acme"):
        assert client.post(PAGE + path, {"name": "x"}, content_type="application/json").status_code == 403
    assert not SavedSearch.objects.exists()


class TestSavedSearches:
    @pytest.fixture
    def save(self, operator: Client, acme: Organisation) -> Callable[..., HttpResponse]:
        def post(**body: Any) -> HttpResponse:
            given = {"name": "errors", "query": "level:error", "levels": "", "time_range": "24h", "is_shared": False}
            return operator.post(  # type: ignore[return-value]
                f"{PAGE}saved?organisation={acme.slug}", given | body, content_type="application/json"
            )

        return post

    def _names(self, client: Client, organisation: str = "acme") -> list[str]:
        searches = client.get(PAGE + "saved", {"organisation": organisation}).json()["searches"]
        return [search["name"] for search in searches]

    def test_own_search_comes_back(self, operator: Client, save: Callable[..., HttpResponse]) -> None:
        assert save().status_code == 201
        (search,) = operator.get(PAGE + "saved", {"organisation": "acme"}).json()["searches"]
        assert (search["query"], search["time_range"], search["is_own"]) == ("level:error", "24h", True)

    def test_columns_order_and_wrapping_come_back(self, operator: Client, save: Callable[..., HttpResponse]) -> None:
        shape = {"columns": "project,a\\,b", "order": "asc", "is_wrapped": True}
        assert save(**shape).status_code == 201
        (search,) = operator.get(PAGE + "saved", {"organisation": "acme"}).json()["searches"]
        assert {name: search[name] for name in shape} == shape
        opened = dict(parse_qsl(urlsplit(saved.address(SavedSearch.objects.get())).query))
        assert (opened["columns"], opened["order"], opened["wrap"]) == ("project,a\\,b", "asc", "1")
        assert save(order="sideways").status_code == 400

    def test_same_name_replaces(self, save: Callable[..., HttpResponse]) -> None:
        save()
        assert save(query="level:fatal").status_code == 200
        assert SavedSearch.objects.get().query == "level:fatal"

    def test_only_shared_ones_are_seen_by_others(self, operator: Client, save: Callable[..., HttpResponse]) -> None:
        save(name="mine")
        save(name="ours", is_shared=True)
        other = User.objects.create_superuser("grace", password="x")
        operator.force_login(other)
        assert self._names(operator) == ["ours"]

    def test_search_stays_in_its_organisation(self, operator: Client, save: Callable[..., HttpResponse]) -> None:
        make_organisation("other")
        save()
        assert self._names(operator, "other") == []

    def test_only_the_owner_deletes(self, operator: Client, save: Callable[..., HttpResponse]) -> None:
        search_id = save(is_shared=True).json()["id"]  # type: ignore[attr-defined]
        owner = User.objects.get()
        operator.force_login(User.objects.create_superuser("grace", password="x"))
        assert operator.delete(f"{PAGE}saved/{search_id}").status_code == 404
        operator.force_login(owner)
        assert operator.delete(f"{PAGE}saved/{search_id}").status_code == 204
        assert not SavedSearch.objects.exists()

    @pytest.mark.parametrize(
        "body", [{"name": ""}, {"name": " "}, {"name": "x" * 81}, {"query": 5}, {"query": "\0"}, {"name": None}]
    )
    def test_what_cannot_be_kept_is_refused(self, save: Callable[..., HttpResponse], body: dict[str, Any]) -> None:
        assert save(**body).status_code == 400


def test_access_log_is_read_only_even_for_superusers(client: Client, acme: Organisation) -> None:
    client.force_login(User.objects.create_superuser("root", password="x"))
    _ask(client, "search", query="secret plans")
    record = AccessRecord.objects.get()
    assert b"secret plans" in client.get("/admin/accounts/accessrecord/").content
    change = f"/admin/accounts/accessrecord/{record.pk}/change/"
    assert client.get(change).status_code == 200
    assert client.post(change, {"username": "nobody"}).status_code == 403
    assert client.post(f"/admin/accounts/accessrecord/{record.pk}/delete/").status_code == 403
    assert client.get("/admin/accounts/accessrecord/add/").status_code == 403


def test_auditors_read_the_access_log_but_no_logs(client: Client) -> None:
    client.force_login(_member("Auditors"))
    assert client.get("/admin/accounts/accessrecord/").status_code == 200
    assert client.get(EXPLORER).status_code == 403


def test_range_is_bound_and_pages_continue(operator: Client, acme: Organisation) -> None:
    now = datetime.now(UTC)
    store_batch(acme, [line(str(number), timestamp=now - timedelta(seconds=number)) for number in range(5)])
    bounds = {"from": (now - timedelta(minutes=1)).isoformat(), "to": (now + timedelta(seconds=1)).isoformat()}
    first = _ask(operator, "search", limit=3, **bounds).json()  # type: ignore[attr-defined]
    second = _ask(operator, "search", limit=3, cursor=first["next_cursor"], **bounds).json()  # type: ignore[attr-defined]
    assert [entry["message"] for entry in first["logs"] + second["logs"]] == ["0", "1", "2", "3", "4"]
    assert second["next_cursor"] is None


NAME = "0b0e6f0c-8a53-4f0c-9a0f-6c1d6b6d9e11"


class TestOneLook:
    """A search, its chart, its pages and its refreshes are one access record, which says all that they show."""

    @pytest.fixture
    def ask(self, operator: Client, acme: Organisation) -> Callable[..., int]:  # noqa: ARG002 - is asked about
        """Ask by the name of a look; return how many records there are."""

        def ask(
            path: str = "search", *, organisation: str = "acme", ago: float = 60, name: str = NAME, **given: Any
        ) -> int:
            span = {"from": (datetime.now(UTC) - timedelta(minutes=ago)).isoformat()} if ago else {}
            response = operator.get(
                PAGE + path, {"organisation": organisation, **span, **given}, headers={"x-look": name}
            )
            assert response.status_code == 200
            b"".join(response)  # an export ends with its last chunk
            return AccessRecord.objects.count()

        return ask

    def test_parts_of_a_search_share_its_record(self, ask: Callable[..., int]) -> None:
        assert ask("histogram", query="payment") == 1
        assert ask("search", query="payment", levels="error", limit=1, ago=59) == 1
        assert ask("histogram", query="payment", zone="Europe/Berlin", ago=50) == 1  # a refresh while time goes on
        record = AccessRecord.objects.get()
        assert (record.action, record.query, str(record.look)) == ("search", "payment", NAME)

    def test_what_the_record_does_not_say_is_recorded_for_itself(self, ask: Callable[..., int]) -> None:
        make_organisation("other")
        ask(query="payment", ago=60)
        assert ask(query="payment", ago=61) == 2
        assert ask(query="password", ago=10) == 3
        assert ask(query="payment", ago=10, organisation="other") == 4
        assert ask("fields", query="payment", ago=10) == 5
        assert ask("export", query="payment", ago=10) == 6
        assert ask(query="payment", ago=10, name="anything") == 7
        AccessRecord.objects.update(at=datetime.now(UTC) - timedelta(minutes=16))
        assert ask(query="payment", ago=10) == 8

    def test_range_that_has_ended_covers_nothing_that_comes_later(self, ask: Callable[..., int]) -> None:
        ended = {"ago": 0, "from": "2026-11-20T12:00:00Z"}
        ask(**ended, to="2026-11-20T13:00:00Z")
        assert ask(**ended, to="2026-11-20T12:30:00Z") == 1
        assert ask(**ended, to="2026-11-20T13:00:01Z") == 2

    def test_each_member_of_staff_has_records_of_their_own(self, ask: Callable[..., int], operator: Client) -> None:
        ask()
        operator.force_login(User.objects.create_superuser("grace", password="x"))
        assert ask() == 2


def test_figures_are_recorded_with_what_is_measured(operator: Client, acme: Organisation) -> None:
    store_batch(acme, [line(metadata={"ms": n, "user": "ada"}) for n in range(3)])
    asked = {"query": "user:ada", "levels": "info"}
    figures = _ask(operator, "aggregate", **asked, measure="max:ms", by=["user", "level"])
    assert json.loads(figures.content)["rows"] == [{"by": ["ada", "info"], "value": 2}]
    assert json.loads(_ask(operator, "values", **asked, field=["ms", "user"]).content)["entries"] == 3
    assert json.loads(_ask(operator, "patterns", **asked).content)["patterns"][0]["count"] == 3
    records = AccessRecord.objects.order_by("pk").values_list("action", "subject", "query")
    query = "(user:ada) AND (level:info)"
    assert list(records) == [
        ("aggregate", "max:ms by user, level", query), ("fields", "ms, user", query), ("search", "", query),
    ]  # fmt: skip
    assert _ask(operator, "aggregate", by="group").status_code == 400
    assert AccessRecord.objects.count() == 3
    since = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    assert _ask(operator, "patterns", **asked, since=since.isoformat()).status_code == 200
    last = AccessRecord.objects.latest("pk")
    assert (last.action, last.subject) == ("search", f"since {since:%Y-%m-%dT%H:%M:%S}.000000Z")
    assert last.range_end
    assert last.range_start
    assert last.range_end - since == since - last.range_start


def test_releases_to_compare_with_are_the_newest(operator: Client, acme: Organisation) -> None:
    for organisation, release in ((acme, "1.0"), (acme, "2.0"), (make_organisation("other"), "3.0")):
        failed = {"error": {"type": "PaymentError", "message": "declined"}, "metadata": {"release": release}}
        store_batch(organisation, [line("failed", level="error", **failed)], project="web")
    releases = json.loads(_ask(operator, "releases").content)["releases"]
    assert [(one["release"], one["project"]) for one in releases] == [("2.0", "web"), ("1.0", "web")]
    assert datetime.fromisoformat(releases[0]["first_seen"]) > datetime.fromisoformat(releases[1]["first_seen"])
    assert (record := AccessRecord.objects.latest("pk")).action == "fields"
    assert record.subject == "releases"
