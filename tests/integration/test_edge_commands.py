"""Commands and pages of edges: what they print, refuse, and never show again."""

import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.caller import Caller
from accounts.models import User
from edges import tokens
from edges.models import Edge
from operations.doctor import edges as doctor
from quotas.models import Loan
from tests.edges import Sender
from tests.organisations import make_organisation

pytestmark = pytest.mark.django_db


def run(*command: str, **options: Any) -> str:
    said = StringIO()
    call_command(*command, stdout=said, stderr=StringIO(), **options)
    return said.getvalue()


def test_a_token_is_the_last_word_and_kept_nowhere() -> None:
    make_organisation("acme")
    plain = run("create_edge", "fra1", "--organisation", "acme", "--region", "Frankfurt", "--network", "10.0.0.0/8")
    told = json.loads(run("create_edge", "sfo1", "--all-organisations", "--json"))
    for name, token in (("fra1", plain.split()[-1]), ("sfo1", told["token"])):
        assert tokens.is_well_formed(token)
        assert bytes(Edge.objects.get(name=name).sha256) == tokens.digest(token)
        assert token not in str(list(Edge.objects.values()) + list(LogEntry.objects.values()))
    assert (told["edge"], told["takes_all"], told["organisations"]) == ("sfo1", True, [])
    edge = Edge.objects.get(name="fra1")
    assert ([one.slug for one in edge.organisations.all()], edge.allowed_networks) == (["acme"], ["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Fra 1"], "Small letters"),
        (["fra1", "--organisation", "nobody"], "no organisation nobody"),
        (["fra1", "--network", "home"], "network"),
        (["there"], "already exists"),
    ],
)
def test_what_is_no_edge_is_refused(arguments: list[str], why: str) -> None:
    run("create_edge", "there")
    with pytest.raises(CommandError, match=why):
        run("create_edge", *arguments)
    assert Edge.objects.count() == 1


def test_edges_end_when_they_are_empty_or_lost(make_caller: Callable[..., Caller]) -> None:
    assert "no edges" in run("list_edges")
    name = Sender(make_caller()).edge.name
    assert "never seen" in run("list_edges")
    with pytest.raises(CommandError, match="still has some"):
        run("retire_edge", name, "--wait", "0")
    assert Edge.objects.get().retiring_at
    assert "has ended" in run("retire_edge", name, "--lost")
    with pytest.raises(CommandError, match="ended already"):
        run("retire_edge", name)
    with pytest.raises(CommandError, match="no edge"):
        run("retire_edge", "nowhere")
    assert "no edges" in run("list_edges")
    [row] = json.loads(run("list_edges", "--all", "--json"))
    assert (row["edge"], row["standing"]) == (name, "ended")


def test_doctor_and_console_tell_how_edges_are(
    make_caller: Callable[..., Caller], django_assert_max_num_queries: Any
) -> None:
    caller = make_caller()
    assert list(doctor.of_core()) == []
    edges = [Sender(caller), Sender(takes_all=True), Sender(caller)]
    for one in edges[:2]:
        one.ask(
            {"organisation_id": caller.organisation_id, "wanted_bytes": 2_000, "needed_bytes": 2_000}, version="1.0"
        )
    Edge.objects.filter(pk=edges[1].edge.pk).update(clock_seconds=-90, oldest_seconds=400, refused_batches=3)
    Loan.objects.filter(edge_id=edges[1].edge.pk).update(short_bytes=7)
    said = " ".join(finding.what for finding in doctor.of_core())
    for what in ("was never seen", "differs by -90 s", "the oldest for 400 s", "3 batches of", "7 bytes more"):
        assert what in said
    Edge.objects.filter(pk=edges[0].edge.pk).update(last_seen_at="2026-01-01T00:00:00Z")
    assert "was last seen 2026-01-01 00:00Z" in " ".join(finding.what for finding in doctor.of_core())

    client = Client()
    user = User.objects.create_superuser("ada", password="x")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.get(reverse("admin:index"))
    with django_assert_max_num_queries(12):
        page = client.get(reverse("admin:edges_edge_changelist")).content.decode()
    for what in ("silent", "late", "never seen", "1.95 KiB", "everybody", "organisation-"):
        assert what in page
    assert client.get(reverse("admin:edges_edge_change", args=[edges[1].edge.pk])).status_code == 200
    assert client.post(reverse("admin:edges_edge_change", args=[edges[1].edge.pk]), {"name": "x"}).status_code == 403


def client_of(*permissions: str, name: str = "ada") -> Client:
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="edges", codename__in=permissions))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_an_edge_is_made_retired_and_revoked_in_the_console_by_who_may(make_caller: Callable[..., Caller]) -> None:
    caller = make_caller()
    operator = client_of("view_edge", "add_edge", "end_edge")
    asked = {"name": "fra1", "region": "Frankfurt", "organisations": [caller.organisation_id], "allowed_networks": ""}
    refused = operator.post(reverse("admin:edges_edge_add"), asked | {"name": "Not plain"})
    assert "Small letters, digits and hyphens" in refused.content.decode()
    answer = operator.post(reverse("admin:edges_edge_add"), asked)
    [token] = re.findall(r"le_[0-9a-f]{48}", answer.content.decode())
    edge = Edge.objects.get()
    assert (bytes(edge.sha256), edge.takes_all) == (tokens.digest(token), False)
    assert [one.pk for one in edge.organisations.all()] == [caller.organisation_id]
    assert "no-store" in answer.headers["Cache-Control"]
    address = reverse("admin:edges_edge_change", args=[edge.pk])
    page = operator.get(address).content.decode()
    assert token not in page
    retire, revoke = (reverse(f"admin:edges_edge_{step}", args=[edge.pk]) for step in ("retire", "revoke"))
    assert retire in page
    assert revoke in page

    reader = client_of("view_edge", name="bob")
    assert retire not in reader.get(address).content.decode()
    for step in (retire, revoke):
        assert (reader.get(step).status_code, reader.post(step, {"reason": "x"}).status_code) == (403, 403)
    assert reader.get(reverse("admin:edges_edge_add")).status_code == 403

    assert "forwards what it has" in operator.get(retire).content.decode()
    operator.post(retire)
    edge.refresh_from_db()
    assert edge.retiring_at
    assert operator.post(revoke, {"reason": ""}).status_code == 200
    operator.post(revoke, {"reason": "stolen"})
    operator.post(revoke, {"reason": "again"})
    edge.refresh_from_db()
    assert (bool(edge.revoked_at), edge.revoked_reason) == (True, "stolen")
    assert retire not in operator.get(address).content.decode()
    changed = [set(one.changes) for one in LogEntry.objects.get_for_object(edge).order_by("pk")]
    assert {"retiring_at"} in changed
    assert {"revoked_at", "revoked_reason"} in changed
    assert not LogEntry.objects.filter(changes__icontains=token).exists()
