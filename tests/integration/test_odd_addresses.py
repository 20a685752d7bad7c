"""Any address of the URL conf, with any values in it: what is not there or not meant is refused, and never a 500."""
# ruff: noqa: E501 - tables of cases

import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from quotas.models import Plan
from quotas.plans import subscribe
from tests import console_pages
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

TRIES = int(os.environ.get("LUMINALOG_HOSTILE_EXAMPLES") or 1)
SEED = int(os.environ.get("LUMINALOG_HOSTILE_SEED") or 1)

#: Parts of addresses, as they are written there.
PARTS = [
    "1", "0", "-1", "9" * 19, "9" * 40, "%00", "x%00", "%0A", "%FF", "%ED%A0%80", "%C3%A9", "%2F", "..", "1e9", "1.5", "_00", "_5F", "%20",
    "x" * 300, "%F0%9F%98%80", "first", "None",
]  # fmt: skip
VALUES = [
    "", "0", "1", "-1", "x", "\0", "a\0b", "\n", "9" * 10, "9" * 19, "9" * 40, "-" + "9" * 40, "1.5", "1e999", "NaN", "Infinity", "True", "é",
    "\ud7ff", "\U0001f600", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "9999-12-31T23:59:59.999999-14:00",
    "0001-01-01T00:00:00+14:00", "infinity", "1,2", "1,\0", "[", "(", "\\", "*", "'\"", "%", "x" * 5_000, "acme", "{}", "null", "::1", "1.2.3.4/33",
]  # fmt: skip
NAMES = [
    "q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "_facets", "pop", "next", "days", "standing", "term", "page",
    "app_label", "model_name", "field_name", "format", "script", "lang", "version", "query", "from", "to", "cursor", "limit", "order", "step",
    "before", "after", "organisation", "levels", "ticket", "\0", "id\0",
]  # fmt: skip
LOOKUPS = [
    "", "__exact", "__iexact", "__in", "__isnull", "__gt", "__gte", "__lt", "__range", "__contains", "__icontains", "__startswith", "__regex",
    "__iregex", "__year", "__year__gte", "__month", "__day", "__date", "__time", "__hour", "__week_day", "__overlap", "__len", "__0", "__id",
    "__id__exact", "__nowhere",
]  # fmt: skip
GROUP = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|\((?:[^()]|\([^()]*\))*\)")


def patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Yield every address as a pattern."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        elif isinstance(one, URLPattern):
            yield route


def addresses(source: Random) -> Iterator[str]:
    """Yield every address of the URL conf, with odd values in the places of its parts."""
    for pattern in patterns(get_resolver()):
        filled = GROUP.sub(lambda _: source.choice(PARTS).replace("\\", "\\\\"), pattern)
        yield "/" + re.sub(r"\\Z|[\^$?]", "", filled).replace("\\", "")


def page_of(path: str) -> Any:
    """Return the admin page of the table that a path is about."""
    return next(
        (
            page
            for model, page in console_pages.registered().items()
            if path.startswith(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        ),
        None,
    )


def parameters(source: Random, path: str) -> dict[str, str]:
    """Return names that somebody reads, and fields of the page's table with a lookup; each with an odd value."""
    page = page_of(path)
    fields = [field.name for field in page.model._meta.get_fields()] if page else []
    given = {name: source.choice(VALUES) for name in source.sample(NAMES, source.choice([0, 1, 1, 2]))}
    if fields:
        given[source.choice(fields) + source.choice(LOOKUPS)] = source.choice(VALUES)
    if path == "/admin/autocomplete/":
        given |= {"app_label": "accounts", "model_name": "apikey", "field_name": "project"}
    return given


def form(source: Random, path: str) -> dict[str, str]:
    """Return what a page of the admin could be sent: an action on rows, or a row's fields."""
    page = page_of(path)
    if page is None:
        return {"reason": source.choice(VALUES), "organisation": source.choice(VALUES)}
    fields = [field.name for field in page.model._meta.get_fields()]
    sent = {name: source.choice(VALUES) for name in source.sample(fields, min(4, len(fields)))}
    actions = [
        "delete_selected",
        *(action if isinstance(action, str) else action.__name__ for action in page.actions or ()),
    ]
    sent |= {
        "action": source.choice(actions),
        "_selected_action": source.choice(VALUES),
        "index": source.choice(VALUES),
    }
    return sent | {name: source.choice(VALUES) for name in ("select_across", "post", "_save", "grace_hours")}


@pytest.fixture
def clients() -> list[Client]:
    organisation = make_organisation("first")
    subscribe(organisation, Plan.objects.get(slug="scale"))
    _, secret = make_api_key(organisation)
    console, caller = (
        Client(raise_request_exception=False),
        Client(raise_request_exception=False, headers={"x-api-key": secret}),
    )
    console.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    return [console, caller]


def ask(client: Client, method: str, target: str, **given: Any) -> Any:
    """Ask, and undo what was done."""
    with transaction.atomic():
        answer: Any = getattr(client, method.lower())(target, **given)
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    return answer


def test_no_address_is_too_odd(clients: list[Client]) -> None:
    source, found = Random(SEED), {}
    for _ in range(TRIES):
        for path in addresses(source):
            method = source.choice(["GET", "GET", "GET", "HEAD", "POST", "POST", "OPTIONS", "DELETE"])
            target = f"{path}?{urlencode(parameters(source, path), quote_via=quote, errors='surrogatepass')}"
            client = clients[0] if path.startswith("/admin") else source.choice(clients)
            given = {"data": form(source, path)} if method == "POST" else {}
            answer = ask(client, method, target, **given)
            if answer.status_code >= 500:
                found[f"{method} {target} {given}"[:300]] = answer.status_code
    assert not found, "\n".join(found)
