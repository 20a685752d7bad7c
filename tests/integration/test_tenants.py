"""Every address that reads logs, from the URL conf: what is another organisation's is as absent as what never was."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts.models import User
from alerts.models import Incident, Rule, Silence
from assist import recording_work
from assist.models import Recording
from explore.models import Dashboard, SavedSearch
from explore.tail import ticket
from foundation.postgres import execute
from foundation.refusals import Refusal
from quotas.models import Plan
from quotas.plans import subscribe
from storage.models import LogEntry, Receipt
from tests.entries import line, store_batch
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

MARKER = "rivalsmarker"
METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]
ROOTS = ("v1/", "admin/explore/explorer/")
CONVERTER = re.compile(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>")


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        address = re.sub(r"[$^]|\\Z|/\?", "", prefix + str(one.pattern))
        if isinstance(one, URLResolver):
            yield from patterns(one, address)
        elif address.startswith(ROOTS):
            yield address


ADDRESSES = sorted(set(patterns(get_resolver())))
WITH_OBJECT = [address for address in ADDRESSES if CONVERTER.search(address)]
WITHOUT_OBJECT = [address for address in ADDRESSES if not CONVERTER.search(address)]


class Street:
    """acme, who asks, and the rival next door, all of whose things bear the marker."""

    def __init__(self) -> None:
        self.acme, self.rival = make_organisation("acme"), make_organisation("rival")
        for organisation in (self.acme, self.rival):
            subscribe(organisation, Plan.objects.get(slug="scale"))
        self.staff = User.objects.create_user("root", is_staff=True, is_superuser=True)
        other = User.objects.create_user(f"{MARKER}-staff", is_staff=True, is_superuser=True)
        self.keys = {one.slug: make_api_key(one)[1] for one in (self.acme, self.rival)}
        store_batch(self.acme, [line("ours")] * 3)
        metadata = {MARKER: MARKER, "userId": 7}
        batch = store_batch(self.rival, [line(MARKER, trace_id=MARKER, metadata=metadata)] * 3, project=MARKER)
        store_batch(self.rival, [line(MARKER, level="error", metadata={"release": MARKER})])  # its first group
        execute("UPDATE issues_turn SET at = at - interval '31 seconds'")
        recording_work.record(budget_seconds=60)
        recording = Recording.objects.get()
        saved = SavedSearch.objects.create(
            owner=other, organisation=self.rival, name=MARKER, query=MARKER, is_shared=True
        )
        panel = {"id": "p1", "kind": "entries", "title": MARKER, "query": MARKER}
        dashboard = Dashboard.objects.create(
            owner=other, organisation=self.rival, title=MARKER, access="open", document={"panels": [panel]}
        )
        rule = Rule.objects.create(organisation=self.rival, rule_name=MARKER, kind="monitor")
        moment = datetime.now(UTC)
        incident = Incident.objects.create(
            organisation_id=self.rival.pk, rule=rule, opened_at=moment, last_over_at=moment
        )
        silence = Silence.objects.create(
            organisation=self.rival, rule=rule, reason=MARKER, until=moment + timedelta(days=1)
        )
        #: what the URL conf calls it → the rival's, and one that is nobody's, of the same length
        self.objects = {
            "entry_id": (str(batch * 1024), str(batch * 1024 + 500)),
            "trace_id": (MARKER, MARKER[::-1]),
            "search_id": (str(saved.pk), str(saved.pk + 7)),
            "name": (str(dashboard.pk), str(dashboard.pk + 7)),
            "panel_id": ("p1", "p1"),
            "number": ("1", "7"),
            "recording_id": (str(recording.pk), str(recording.pk + 7)),
            "rule_id": (str(rule.pk), str(rule.pk + 7)),
            "incident_id": (str(incident.pk), str(incident.pk + 7)),
            "silence_id": (str(silence.pk), str(silence.pk + 7)),
            "token": (f"{rule.pk}-{0:032x}", f"{rule.pk + 7}-{0:032x}"),  # who has the right one needs no key
        }

    def ask(self, address: str, method: str = "get", *, by: str = "acme", **given: str) -> Any:
        client = Client(headers={"x-api-key": self.keys[by]})
        path = f"/{address}"
        if address.startswith("admin/"):
            client.force_login(self.staff, backend="django.contrib.auth.backends.ModelBackend")
            given = {"organisation": by, **given}
            if method in ("post", "put", "patch"):
                return getattr(client, method)(path, given, content_type="application/json")
        return getattr(client, method)(path, given)

    def address(self, pattern: str, which: int) -> str:
        return CONVERTER.sub(lambda found: self.objects[found[1] or found[2]][which], pattern)


def body_of(answer: Any) -> bytes:
    body: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return re.sub(rb'"request_id": ?"\w+"', b"", body)


@pytest.fixture
def street() -> Iterator[Street]:
    cache.clear()
    yield Street()
    LogEntry.objects.all().delete()
    Receipt.objects.all().delete()


def test_conf_was_read() -> None:
    assert {"v1/logs", "v1/usage", "admin/explore/explorer/saved"} <= set(WITHOUT_OBJECT)
    assert len(WITH_OBJECT) == 21


@pytest.mark.parametrize("pattern", WITH_OBJECT)
def test_object_of_another_is_as_absent_as_one_that_never_was(street: Street, pattern: str) -> None:
    for method in METHODS:
        theirs, nobodys = (street.ask(street.address(pattern, which), method) for which in (0, 1))
        assert theirs.status_code == nobodys.status_code, method
        assert len(theirs.content) == len(nobodys.content), method
        assert body_of(theirs) == body_of(nobodys), method
        assert theirs.headers.keys() == nobodys.headers.keys(), method
        assert theirs.status_code in ((404, 405) if method in ("get", "head") else (403, 404, 405, 415, 204, 200))
    assert SavedSearch.objects.count() == 1


@pytest.mark.parametrize(
    "pattern", [one for one in WITH_OBJECT if not re.search("saved|merge|split|silences|heartbeats|/panels$", one)]
)
def test_object_is_there_for_its_owner(street: Street, pattern: str) -> None:
    """Else the test above would prove nothing."""
    answer = street.ask(street.address(pattern, 0), by="rival")
    assert answer.status_code == 200
    assert MARKER.encode() in answer.content


@pytest.mark.parametrize("address", WITHOUT_OBJECT)
def test_crawl_never_meets_another_s_marker(street: Street, address: str) -> None:
    for given in ({}, {"query": MARKER}, {"query": "NOT nothing"}, {"query": f"trace:{MARKER} OR *"}, {"limit": "1"}):
        answer = street.ask(address, **given)
        assert answer.status_code < 500
        body = body_of(answer).replace(b'"slug": "rival"', b"")
        assert MARKER.encode() not in body
        while answer.headers["Content-Type"] == "application/json" and answer.json().get("next_cursor"):
            answer = street.ask(address, cursor=answer.json()["next_cursor"], **given)
            assert MARKER.encode() not in answer.content


@pytest.mark.parametrize("address", ["v1/logs", "admin/explore/explorer/search"])
def test_cursor_of_another_is_as_good_as_a_forged_one(street: Street, address: str) -> None:
    cursor = street.ask(address, by="rival", limit="1").json()["next_cursor"]
    assert street.ask(address, by="rival", limit="1", cursor=cursor).status_code == 200
    theirs, forged = (street.ask(address, cursor=text) for text in (cursor, cursor[::-1]))
    assert theirs.status_code == forged.status_code == 400
    assert body_of(theirs) == body_of(forged)


def test_cursor_is_no_ticket_and_a_ticket_no_cursor(street: Street) -> None:
    cursor = street.ask("v1/logs", limit="1").json()["next_cursor"]
    with pytest.raises(Refusal):
        ticket.redeem(cursor)
    issued = ticket.issue(ticket.Ticket(user_id=street.staff.pk, session="", organisation_id=street.rival.pk, query=""))
    assert street.ask("v1/logs", cursor=issued).status_code == 400


def test_staff_cannot_forget_another_s_search(street: Street) -> None:
    pattern = "admin/explore/explorer/saved/<int:search_id>"
    assert street.ask(street.address(pattern, 0), "delete", by="rival").status_code == 404
    assert SavedSearch.objects.count() == 1


def test_organisation_in_a_parameter_or_body_changes_nothing(street: Street) -> None:
    for name, value in [("organisation", "rival"), ("organisation_id", str(street.rival.pk))]:
        answer = street.ask("v1/logs", **{name: value})
        assert answer.status_code == 400
        assert MARKER.encode() not in answer.content
    entry = line("sent", project_id=MARKER, organisation_id=street.rival.pk) | {"timestamp": "2026-11-20T12:00:00Z"}
    client = Client(headers={"x-api-key": street.keys["acme"]})
    body = {"logs": [entry], "organisation_id": street.rival.pk, "organisation": "rival"}
    assert client.post("/v1/logs", body, content_type="application/json").status_code == 200
    assert street.ask("v1/usage", by="rival").json() != street.ask("v1/usage").json()
