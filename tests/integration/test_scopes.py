"""What keys may do: a set of scopes, kept by the database, shown in the form, and described to those who ask."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db


def form(**fields: Any) -> dict[str, Any]:
    project = make_organisation().projects.get()
    defaults = {"project": project.pk, "name": "web", "environment": "production", "kind": "secret"}
    return defaults | {"invalid_entries": "strict", "minimum_level": "10"} | fields


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("secret", []),
        ("secret", ["delete"]),
        ("public", ["ingest", "read"]),
        ("public", ["read"]),
        ("open", ["ingest"]),
    ],
)
def test_database_refuses_what_no_key_may_be(kind: str, scopes: list[str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_api_key(kind=kind, scopes=scopes)


def test_new_key_sends_and_reads_but_manages_nothing() -> None:
    api_key, _ = make_api_key()
    assert (api_key.kind, api_key.scopes) == ("secret", ["ingest", "read"])


def test_form_offers_managing_and_does_not_tick_it(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:accounts_apikey_add"))
    boxes = page.context["adminform"].form["scopes"]
    assert [(box.data["value"], box.data["selected"]) for box in boxes] == [
        ("ingest", True), ("read", True), ("manage", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"scopes": []}, "Choose what the key may do."),
        ({"kind": "public", "scopes": ["ingest", "read"]}, "A public key may send logs, and nothing else."),
    ],
)
def test_form_says_what_no_key_may_be(admin_client: Client, fields: dict[str, Any], complaint: str) -> None:
    answer = admin_client.post(reverse("admin:accounts_apikey_add"), form(**fields))
    assert complaint in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_scopes_change_in_the_admin_and_the_kind_does_not(admin_client: Client) -> None:
    api_key, _ = make_api_key(kind="public", scopes=["ingest"])
    page = reverse("admin:accounts_apikey_change", args=[api_key.pk])
    answer = admin_client.post(
        page,
        {"name": "web", "environment": "production", "kind": "secret", "scopes": ["ingest", "read"],
         "invalid_entries": "strict", "minimum_level": "10"},
    )  # fmt: skip
    assert "A public key may send logs, and nothing else." in answer.content.decode()
    api_key.refresh_from_db()
    assert (api_key.kind, api_key.scopes) == ("public", ["ingest"])


def test_command_makes_keys_of_both_kinds() -> None:
    make_organisation()

    def create(*options: str) -> dict[str, Any]:
        said = io.StringIO()
        call_command("create_key", "acme", "shop", "--name", "web", "--json", *options, stdout=said)
        made: dict[str, Any] = json.loads(said.getvalue())
        return made

    assert create("--scope", "ingest", "--scope", "manage")["scopes"] == ["ingest", "manage"]
    public = create("--kind", "public")
    assert (public["kind"], public["scopes"]) == ("public", ["ingest"])
    with pytest.raises(CommandError, match="A public key may send logs, and nothing else"):
        create("--kind", "public", "--scope", "read")


def test_description_says_which_scope_an_operation_needs(client: Client) -> None:
    paths = client.get("/v1/openapi.json").json()["paths"]
    needed = {
        f"{method} {address}": operation.get("security")
        for address, operations in paths.items()
        for method, operation in operations.items()
    }
    assert needed["post /v1/logs"] == needed["post /v1/ndjson"] == [{"ApiKey": ["ingest"]}]
    assert {json.dumps(needs) for name, needs in needed.items() if name.startswith("get")} == {'[{"ApiKey": ["read"]}]'}
    assert [name for name, needs in needed.items() if not needs] == ["post /v1/heartbeats/{token}"]
