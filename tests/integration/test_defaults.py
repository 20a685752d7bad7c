"""What Django, DRF and others would decide by default on our addresses: docs/defaults.md, line by line."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from accounts.models import User
from quotas.models import Plan
from quotas.plans import subscribe
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db

PUBLIC = ["/", "/docs", "/docs/errors", "/v1/openapi.json", "/healthz", "/readyz"]
API = ["/v1/usage", "/v1/logs/histogram", "/v1/logs/tail", "/v1/ndjson"]


@pytest.fixture
def strict() -> Client:
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def caller() -> Client:
    return Client(headers={"x-api-key": make_key()})


def make_key() -> str:
    organisation = make_organisation()
    subscribe(organisation, Plan.objects.get(slug="scale"))
    return make_api_key(organisation)[1]


@pytest.fixture
def console() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("ada"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def is_problem(answer: Any, status: int) -> bool:
    return (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_method_that_is_not_answered_is_a_problem_that_names_the_others(strict: Client, method: str) -> None:
    for path in PUBLIC:
        answer = strict.generic(method, path)
        assert is_problem(answer, 405), path
        assert {"GET", "HEAD"} <= set(answer.headers["Allow"].split(", "))


def test_options_tell_the_methods_and_nothing_else(caller: Client) -> None:
    for path in API:
        answer = caller.options(path)
        told = (
            (204, b"") if path == "/v1/ndjson" else (200, b"{}")
        )  # where logs are taken, browsers ask before they send
        assert (answer.status_code, answer.content) == told
        assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/json; indent=9", "image/*;q=0", "", "*"]
)
def test_accept_decides_nothing(caller: Client, accept: str) -> None:
    for path in ("/v1/usage", "/v1/openapi.json", "/healthz", "/v1/logs/1"):
        plain, asked = caller.get(path), caller.get(path, headers={"accept": accept})
        assert (asked.status_code, asked.headers["Content-Type"]) == (plain.status_code, plain.headers["Content-Type"])
        assert len(asked.content) == len(plain.content)
    assert caller.get("/docs", headers={"accept": accept}).headers["Content-Type"].startswith("text/html")


def test_neither_a_suffix_nor_a_parameter_is_a_format_or_a_method(caller: Client) -> None:
    assert is_problem(caller.get("/v1/usage.json"), 404)
    assert is_problem(caller.get("/v1/logs", {"format": "api"}), 400)  # an unknown parameter
    assert is_problem(caller.post("/v1/usage", {"_method": "GET"}, headers={"x-http-method-override": "GET"}), 405)


def test_api_knows_no_session_no_cookie_and_no_language(console: Client) -> None:
    key = make_key()
    for path in API[:1]:
        assert console.get(path).status_code == 401
        answer = console.get(path, headers={"x-api-key": key, "accept-language": "de"})
        assert answer.status_code == 200
        assert not answer.cookies
        assert "Vary" not in answer.headers, path


def test_missing_slash_is_put_there_for_readers_only(console: Client) -> None:
    for path in ("/admin", "/admin/accounts/organisation"):
        assert console.get(path).status_code == 301
        assert is_problem(console.post(path, {"name": "x"}), 404)
    assert is_problem(console.get("/v1/usage/"), 404)


def test_no_form_takes_a_file(console: Client) -> None:
    file = SimpleUploadedFile("x.bin", b"x" * 100)
    for path in ("/admin/login/", "/admin/accounts/project/add/", "/admin/logout/"):
        assert is_problem(console.post(path, {"username": "ada", "file": file}), 400)
        file.seek(0)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=\xc3\xa9"),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b"),
        (b"a=1&" * 1_001, "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
        (b"a=\xff%00", "application/x-www-form-urlencoded; charset=latin-1"),
    ],
    ids=["no boundary", "odd boundary", "no disposition", "fields", "bytes", "charset"],
)
def test_form_that_cannot_be_read_is_refused(console: Client, body: bytes, content_type: str) -> None:
    for path in ("/admin/login/", "/admin/explore/explorer/saved?organisation=x"):
        answer = console.generic("POST", path, body, content_type=content_type)
        assert answer.status_code in (200, 400, 404), path


def test_cookie_that_no_session_has_is_not_asked_for() -> None:
    client = Client(raise_request_exception=False)
    for cookie in ('"\\000aaaaaaaaaaaaaaaa"', '"\\377\\200aaaaaaaa"', "a" * 4_000, "'; --aaaaaaaaaaaaa", "A" * 32):
        client.cookies.load(f"sessionid={cookie}")
        answer = client.get("/admin/", headers={"cookie": f"sessionid={cookie}; csrftoken={cookie}"})
        assert answer.status_code == 302
    assert not Session.objects.exists()


def test_list_of_the_admin_takes_any_value(console: Client) -> None:
    huge = "9" * 40
    for query in (
        "name__contains=\0", "name__regex=[", "name__range=123", "status=\0", "id__exact=x", f"id__exact={huge}",
        "q=\0",
        "created_at__year__gte=0", "created_at__gte=x", "created_at__range=1", f"q={huge}", f"p={huge}", "p=x", "all=",
        "o=99.x.-7", "e=1",
    ):  # fmt: skip
        name, _, value = query.partition("=")
        with transaction.atomic():
            answer = console.get("/admin/accounts/organisation/", {name: value})
            transaction.set_rollback(True)
        assert answer.status_code in (200, 302, 400), query


def test_rest_of_the_admin_takes_any_value(console: Client) -> None:
    asked = {"app_label": "accounts", "model_name": "apikey", "field_name": "project"}
    assert console.get("/admin/autocomplete/", {**asked, "term": "\0"}).status_code == 400
    for key in ("_00", "%00", "x", "9" * 40, "-1"):
        assert console.get(f"/admin/accounts/organisation/{key}/change/").status_code in (302, 400)


def test_fault_of_a_page_stays_a_fault(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a value in the address there is nobody else to blame."""
    monkeypatch.setattr("luminalog.console.organisation.OrganisationAdmin.get_queryset", lambda *_: [][0])
    assert console.get("/admin/accounts/organisation/").status_code == 500
