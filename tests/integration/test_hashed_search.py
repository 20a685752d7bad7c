"""Who searches for what is kept as a hash finds it, in the API and in the explorer; tails read queries the same way."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from accounts.models import AccessRecord, Organisation
from explore.hashed import hashed_by
from explore.query import matches, parse
from privacy.models import Policy
from privacy.policies import rules_now
from privacy.scrubbing import Scrubber
from tests.entries import store_entry
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture
def organisation() -> Organisation:
    made = make_organisation("acme")
    Policy.objects.create(organisation=made, secrets="hash")
    return made


@pytest.fixture
def stored(organisation: Organisation) -> int:
    """An entry of bob's as it is kept, one of alice's, and one of a time before there were rules."""
    scrubber = Scrubber(rules_now(organisation.pk))
    for person in ("bob", "alice"):
        sent = {
            "message": f"mail to {person}@example.com",
            "metadata": {"user": {"email": f"{person}@example.com"}, "token": f"{person}1"},
        }
        line, _ = scrubber.scrub_line(json.dumps(sent).encode())
        store_entry(organisation_id=organisation.pk, timestamp=datetime.now(UTC), **json.loads(line or b""))
    store_entry(organisation_id=organisation.pk, timestamp=datetime.now(UTC), message="old mail to bob@example.com")
    return organisation.pk


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("bob@example.com", 2),
        ("Bob@Example.com", 2),
        ('"mail to bob@example.com"', 2),
        ("message:bob@example.com", 2),
        ("user.email:bob@example.com", 1),
        ("metadata.token:bob1", 1),
        ("-bob@example.com", 1),
        ("user.email:(bob@example.com OR alice@example.com)", 2),
        ("carol@example.com", 0),
        ("bob@*", 1),
    ],
)
def test_value_is_found_as_it_was_sent_and_as_it_is_kept(stored: int, query: str, found: int) -> None:
    _, secret = make_api_key(Organisation.objects.get(pk=stored), scopes=["read"])
    response = Client().get("/v1/logs", {"query": query}, headers={"x-api-key": secret})
    logs = response.json()["logs"]
    assert len(logs) == found
    node = parse(query, hashed=hashed_by(stored))
    assert (
        sum(matches(node, one) for one in Client().get("/v1/logs", headers={"x-api-key": secret}).json()["logs"])
        == found
    )


def test_explorer_finds_it_and_records_the_hash(admin_client: Client, stored: int) -> None:
    asked = {"organisation": "acme", "query": "bob@example.com"}
    response = admin_client.get("/admin/explore/explorer/search", asked)
    assert len(response.json()["logs"]) == 2
    assert AccessRecord.objects.get().query.startswith("[email:")
