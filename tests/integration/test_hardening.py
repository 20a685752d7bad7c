"""What a production process tells browsers, which methods and origins it knows, and when it refuses to start."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from accounts.models import User
from embedded.postgres import EmbeddedPostgres
from tests.integration.web_server import Web, web_server
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

STRONG = secrets.token_urlsafe(50)
BY_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
PRODUCTION = {"LUMINALOG_DEVELOPMENT": "0", "LUMINALOG_TRUSTED_PROXIES": "1", "ALLOWED_HOSTS": "127.0.0.1"}
SHOP = "https://shop.example"
PAGES = [
    "/", "/docs", "/docs?script=", "/docs/errors", "/v1/openapi.json", "/v1/logs", "/v1/usage", "/nowhere", "/healthz",
    "/readyz", "/admin/", "/admin/login/", "/admin/nowhere/", "/static/console/admin.css",
]  # fmt: skip


@pytest.fixture(scope="module")
def production(django_db_setup: None) -> Iterator[Web]:
    with web_server(**PRODUCTION, LUMINALOG_ADMIN_NETWORKS="192.0.2.0/24,2001:db8::/32") as server:
        yield server


@pytest.fixture(scope="module")
def open_to_the_shop(django_db_setup: None) -> Iterator[Web]:
    with web_server(**PRODUCTION, LUMINALOG_CORS_ALLOWED_ORIGINS=SHOP) as server:
        yield server


def test_postgresql_s_log_quotes_no_row(tmp_path: Path) -> None:
    postgres, said = EmbeddedPostgres(tmp_path / "postgres"), tmp_path / "log"
    with said.open("wb") as output:
        postgres.start(output)
    try:
        with psycopg.connect(postgres.url, autocommit=True) as connected:
            connected.execute("CREATE TABLE one (message text CHECK (message = 'allowed'))")
            with pytest.raises(psycopg.errors.CheckViolation):
                connected.execute("INSERT INTO one VALUES (%s)", ["what a customer logged"])
    finally:
        postgres.stop()
    assert "violates check constraint" in said.read_text()
    assert "what a customer logged" not in said.read_text()


def ask(web: Web, path: str, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(
        method, f"http://127.0.0.1:{web.port}{path}", headers=BY_TLS | named, timeout=DEADLINE_SECONDS
    )


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | PRODUCTION | {"SECRET_KEY": STRONG} | environment
    return subprocess.run(
        [sys.executable, *command], cwd=PROJECT, env=given, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )


@pytest.mark.parametrize("cors", ["", SHOP])
def test_check_for_deployment_is_clean(cors: str) -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", LUMINALOG_CORS_ALLOWED_ORIGINS=cors)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + "0Aa1Bb2Cc3Dd4" * 4])
@pytest.mark.parametrize(
    "start", [["-c", "import luminalog.wsgi"], ["-c", "import luminalog.asgi"], ["manage.py", "migrate"]]
)
def test_key_that_can_be_guessed_is_refused(start: list[str], key: str) -> None:
    done = run(*start, SECRET_KEY=key)
    assert done.returncode != 0
    assert "luminalog.E001" in done.stderr
    assert key not in done.stderr


def test_origin_that_is_none_is_refused() -> None:
    assert "corsheaders" in run("manage.py", "migrate", LUMINALOG_CORS_ALLOWED_ORIGINS="shop.example").stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_tells_browsers_to_be_strict(production: Web, page: str) -> None:
    headers = ask(production, page).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert "server" not in {name.lower() for name in headers} or "/" not in headers["Server"]


def test_cookies_are_for_https_and_for_us_only(production: Web) -> None:
    User.objects.create_superuser("root", password="a long password")
    form = ask(production, "/admin/login/")
    token = form.cookies["csrftoken"]
    answer = requests.post(
        f"http://127.0.0.1:{production.port}/admin/login/",
        {"csrfmiddlewaretoken": token, "username": "root", "password": "a long password", "next": "/admin/"},
        headers=BY_TLS | {"Cookie": f"csrftoken={token}", "Referer": f"https://127.0.0.1:{production.port}/"},
        allow_redirects=False,
        timeout=DEADLINE_SECONDS,
    )
    assert answer.status_code == 302
    cookies = {cookie.name: cookie for cookie in (*form.cookies, *answer.cookies)}
    assert cookies.keys() == {"csrftoken", "sessionid"}
    for cookie in cookies.values():
        assert cookie.secure
        assert {"HttpOnly", "SameSite"} <= cookie._rest.keys()


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PROPFIND", "FOO"])
@pytest.mark.parametrize("page", ["/", "/v1/logs", "/admin/login/", "/healthz", "/nowhere"])
def test_method_that_nothing_is_meant_for_is_refused(production: Web, page: str, method: str) -> None:
    answer = ask(production, page, method, X_Secret="do not echo")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "do not echo" not in answer.text


@pytest.mark.parametrize(("page", "method"), [("/docs", "DELETE"), ("/v1/openapi.json", "PUT"), ("/v1/logs", "PUT")])
def test_method_that_an_address_does_not_know_is_not_answered(production: Web, page: str, method: str) -> None:
    assert ask(production, page, method).status_code in (403, 405)  # 403: a form without its token


def test_admin_is_seen_from_its_networks_only(production: Web) -> None:
    for address, status in [("192.0.2.9", 200), ("2001:db8::1", 200), ("198.51.100.1", 404), ("::1", 404)]:
        assert ask(production, "/admin/login/", X_Forwarded_For=address).status_code == status, address
    assert ask(production, "/v1/usage", X_Forwarded_For="198.51.100.1").status_code == 401
    assert (
        ask(production, "/admin/explore/explorer/search", X_Forwarded_For="198.51.100.1").json()["code"] == "not_found"
    )


def preflight(web: Web, path: str = "/v1/logs", origin: str = SHOP) -> requests.Response:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-api-key,content-type"}
    return ask(web, path, "OPTIONS", Origin=origin, **asked)


def test_no_other_site_is_let_in_by_default(production: Web) -> None:
    for answer in (preflight(production), ask(production, "/v1/logs", Origin=SHOP)):
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_named_origin_may_call_the_api_and_nothing_else(open_to_the_shop: Web) -> None:
    web = open_to_the_shop
    answer = preflight(web)
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "x-api-key" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = ask(web, "/v1/logs", Origin=SHOP)
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == SHOP
    assert "x-ratelimit-remaining" in refused.headers["Access-Control-Expose-Headers"]
    assert "origin" in refused.headers["Vary"].lower()
    for path, origin in [("/v1/logs", "https://evil.example"), ("/v1/logs", "null"), ("/admin/login/", SHOP)]:
        assert "Access-Control-Allow-Origin" not in preflight(web, path, origin).headers, path


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/logs", {"X-Forwarded-Proto": "http"}, 403),
        ("OPTIONS", "/v1/logs", {"X-Forwarded-Proto": "http", "Access-Control-Request-Method": "GET"}, 403),
        ("GET", "/v1/nowhere", {}, 404),
        ("TRACE", "/v1/logs", {}, 405),
        ("DELETE", "/v1/logs", {}, 405),
        ("POST", "/v1/logs", {"Transfer-Encoding": "gzip, chunked"}, 501),
        ("OPTIONS", "/v1/logs", {"Transfer-Encoding": "gzip, chunked", "Access-Control-Request-Method": "GET"}, 501),
        ("GET", "/v1/logs", {"Host": "elsewhere.example"}, 400),
    ],
)
def test_page_of_a_named_origin_may_read_why_it_was_refused(
    open_to_the_shop: Web, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = ask(open_to_the_shop, path, method, Origin=SHOP, **headers)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
