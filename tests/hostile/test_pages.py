"""Public pages, the log-in, the explorer and the tail, with parameters that nobody meant."""
# ruff: noqa: E501 - tables of cases

from random import Random

import pytest
import requests
from requests import Response

from tests.hostile.provision import PASSWORD, STAFF
from tests.hostile.site import DOCUMENTED, Site
from tests.hostile.test_routes import SEED, TIMES
from tests.waiting import DEADLINE_SECONDS, wait_until

TEXTS = [
    "", "0", "-1", "1", "9" * 30, "\0", "\ud7ff", "é" * 500, "a" * 3_000, "'\"--;", "%", "%00", "../../etc/passwd", "[", "{}",
    "<script>alert(1)</script>", "2026-01-26T14:30:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "null", "NaN",
    "level:>=error", "a:" * 200, "(" * 500, "NOT " * 300, '"' + "x" * 1_000, "a:>1e999", "\u202e\u2066", "*" * 500, "1e9",
]  # fmt: skip
NAMES = [
    "query", "from", "to", "cursor", "limit", "order", "step", "format", "before", "after", "organisation", "levels", "next",
    "page", "q", "p", "o", "_popup", "e", "all", "format\0", "x" * 500,
]  # fmt: skip
PUBLIC = [
    "/",
    "/docs",
    "/docs/errors",
    "/healthz",
    "/admin/login/",
    "/v1/openapi.json",
    "/static/x",
    "/nowhere",
    "/v1/logs/tail",
]
EXPLORER = [
    "search",
    "histogram",
    "fields",
    "export",
    "1",
    "1/context",
    "traces/x",
    "traces/%00",
    "saved",
    "saved/9" + "9" * 30,
]
ADMIN = [
    "accounts/organisation/", "accounts/apikey/", "accounts/user/", "quotas/plan/", "quotas/quota/", "auditlog/logentry/",
    "accounts/organisation/%00/change/", "accounts/apikey/" + "9" * 30 + "/change/", "explore/", "",
    "explorer/", "usage/", "customers/", "customers/send/", "customers/send/arrived", "operations/", "operations/sizes/", "operations/archive/", "palette/", "all/", "preferences/",
]  # fmt: skip
ALLOWED = DOCUMENTED | {301, 302, 304}


def parameters(source: Random) -> dict[str, str]:
    return {source.choice(NAMES): source.choice(TEXTS) for _ in range(source.randint(0, 4))}


def refused(session: requests.Session, site: Site, paths: list[str]) -> dict[str, int]:
    """Ask each of `paths` with some parameters; return what was answered with a status that is not documented."""
    source, found = Random(SEED), {}
    for path in paths * (4 * TIMES):
        given = parameters(source)
        with session.get(
            site.base_url + path, params=given, timeout=DEADLINE_SECONDS, stream=True, allow_redirects=False
        ) as answer:
            if answer.status_code not in ALLOWED:
                found[f"{path} {given}"] = answer.status_code
    return found


def test_public_pages_answer_as_documented(site: Site):
    with site.session() as session:
        assert refused(session, site, PUBLIC) == {}


def test_log_in_takes_any_text(site: Site):
    address = f"{site.base_url}/admin/login/"
    with site.session() as session:
        session.headers["Referer"] = f"https://{site.host}/admin/login/"
        for text in TEXTS[:12]:
            session.get(address, timeout=DEADLINE_SECONDS)
            form = {"csrfmiddlewaretoken": session.cookies.get("csrftoken", ""), "username": text, "password": text}
            assert (
                session.post(address, data=form, timeout=DEADLINE_SECONDS, allow_redirects=False).status_code in ALLOWED
            )


@pytest.fixture
def staff(site: Site):
    address = f"{site.base_url}/admin/login/"
    with site.session() as session:
        session.headers["Referer"] = f"https://{site.host}/admin/login/"
        page = session.get(address, timeout=DEADLINE_SECONDS)
        token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies)
        form = {"csrfmiddlewaretoken": token, "username": STAFF, "password": PASSWORD}

        def log_in() -> Response | None:
            """Return the answer, unless there were too many from this address within the minute."""
            answer = session.post(
                address, data=form, headers={"Cookie": cookies}, timeout=DEADLINE_SECONDS, allow_redirects=False
            )
            return None if answer.status_code == 429 else answer

        answer = wait_until(log_in, what="a place to log in", seconds=2 * DEADLINE_SECONDS)
        assert answer.status_code == 302, answer.text[:500]
        session.cookies.clear()
        session.headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
        yield session


def test_staff_may_ask_the_explorer_and_the_admin_anything(staff, site: Site):
    paths = [f"/admin/explore/explorer/{path}" for path in EXPLORER] + [f"/admin/{path}" for path in ADMIN]
    assert refused(staff, site, paths) == {}
