"""The key commands: what they do, what they print, and that provisioning may run at every start."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.directory import look_up
from accounts.keys import digest, make_key
from accounts.life import revoke
from accounts.models import ApiKey, Organisation

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Any:
    output = io.StringIO()
    call_command(*arguments, "--json", stdout=output, stderr=io.StringIO())
    return json.loads(output.getvalue())


@pytest.fixture
def organisation() -> Organisation:
    run("create_org", "acme", "--plan", "scale", "--project", "shop")
    return Organisation.objects.get()


def test_organisation_comes_with_plan_and_project(organisation: Organisation) -> None:
    assert organisation.quota.plan.slug == "scale"
    assert organisation.projects.get().slug == "shop"


def test_organisation_is_suspended_and_resumed(organisation: Organisation) -> None:
    assert [run("suspend_org", "acme", "--reason", "unpaid")["changed"] for _ in range(2)] == [True, False]
    organisation.refresh_from_db()
    assert (organisation.status, organisation.suspended_reason) == ("suspended", "unpaid")
    assert [run("resume_org", "acme")["changed"] for _ in range(2)] == [True, False]
    organisation.refresh_from_db()
    assert organisation.status == "active"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["create_org", "acme"], "already exists"),
        (["create_org", "not a slug"], "valid"),
        (["create_org", "b", "--plan", "gold"], "there are: indie"),
        (["create_key", "acme", "nope", "--name", "web"], "no such project"),
        (["create_key", "acme", "shop", "--name", "web", "--network", "10.0.0.1/8"], "not a network"),
        (["create_key", "acme", "shop", "--name", "web", "--requests-per-minute", "0"], "greater than or equal to 1"),
        (["rotate_key", "0"], "no key with id 0"),
        (["revoke_key", "0", "--reason", "x"], "no key with id 0"),
        (["suspend_org", "nobody", "--reason", "x"], "no organisation nobody"),
        (["suspend_org", "acme", "--reason", " "], "Say why"),
        (["resume_org", "nobody"], "no organisation nobody"),
    ],
)
def test_mistakes_are_told(arguments: list[str], reason: str, organisation: Organisation) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
    assert not ApiKey.objects.exists()


def test_key_is_created_as_asked(organisation: Organisation) -> None:
    made = run(
        "create_key", "acme", "shop", "--name", "web", "--scope", "ingest", "--network", "10.0.0.0/8",
        "--minimum-level", "warn", "--lenient", "--requests-per-minute", "30", "--expires-in-days", "10",
    )  # fmt: skip
    caller = look_up(digest(made["api_key"]))
    assert caller is not None
    assert (caller.scopes, caller.minimum_level, caller.keeps_valid_entries) == (frozenset({"ingest"}), 30, True)
    assert made["standing"] == "expiring"
    assert made["allowed_networks"] == ["10.0.0.0/8"]


def test_key_is_printed_alone_for_shells(organisation: Organisation) -> None:
    output = io.StringIO()
    call_command("create_key", "acme", "shop", "--name", "web", stdout=output, stderr=io.StringIO())
    assert look_up(digest(output.getvalue().strip()))


def test_key_is_rotated_listed_and_revoked(organisation: Organisation) -> None:
    old = run("create_key", "acme", "shop", "--name", "web")
    new = run("rotate_key", str(old["id"]), "--grace-days", "2")
    listed = run("list_keys", "--organisation", "acme")
    assert [(row["id"], row["standing"]) for row in listed] == [(new["id"], "active"), (old["id"], "retiring")]
    assert run("revoke_key", str(old["id"]), "--reason", "moved")["standing"] == "revoked"
    assert [row["id"] for row in run("list_keys", "--in-force")] == [new["id"]]
    assert new["api_key"] not in json.dumps(listed)
    with pytest.raises(CommandError, match="ended already"):
        run("rotate_key", str(old["id"]))


def test_lists_read_well(organisation: Organisation) -> None:
    output = io.StringIO()
    call_command("list_keys", stdout=output)
    assert output.getvalue() == "There are no keys.\n"
    run("create_key", "acme", "shop", "--name", "web")
    output = io.StringIO()
    call_command("list_keys", stdout=output)
    assert "acme/shop" in output.getvalue()


@pytest.mark.parametrize("by_file", [False, True])
def test_provisioned_key_is_made_once(by_file: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = make_key()
    if by_file:
        (tmp_path / "key").write_text(key + "\n")
        monkeypatch.setenv("LUMINALOG_PROVISION_API_KEY_FILE", str(tmp_path / "key"))
    else:
        monkeypatch.setenv("LUMINALOG_PROVISION_API_KEY", key)
    monkeypatch.setenv("LUMINALOG_PROVISION_ORGANISATION", "acme")
    assert [run("provision_key")["key"] for _ in range(3)] == ["made", "there already", "there already"]
    assert look_up(digest(key))
    assert ApiKey.objects.get().organisation.quota.plan.slug == "scale"
    revoke(ApiKey.objects.get().pk, reason="leaked")
    with pytest.raises(CommandError, match="is revoked"):
        run("provision_key")


def test_second_key_joins_what_is_there(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"API_KEY": make_key(), "ORGANISATION": "acme", "PROJECT": "shop", "PLAN": "indie"}.items():
        monkeypatch.setenv(f"LUMINALOG_PROVISION_{name}", value)
    run("provision_key")
    assert ApiKey.objects.get().project == organisation.projects.get()
    assert organisation.quota.plan.slug == "scale"


def test_nothing_is_provisioned_unasked_and_bad_keys_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("provision_key")["key"] == "none wanted"
    monkeypatch.setenv("LUMINALOG_PROVISION_API_KEY", "ll_tooshort")
    with pytest.raises(CommandError) as refused:
        run("provision_key")
    assert "tooshort" not in str(refused.value)
    monkeypatch.delenv("LUMINALOG_PROVISION_API_KEY")
    monkeypatch.setenv("LUMINALOG_PROVISION_API_KEY_FILE", "/nonexistent/key")
    with pytest.raises(CommandError, match="cannot be read"):
        run("provision_key")
