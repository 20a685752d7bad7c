"""The console's pages of alerts: rules with what they would have found, incidents, silences, and who may."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from auditlog.models import LogEntry as Changed
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.caller import Caller
from accounts.models import User
from alerts import heartbeats
from alerts.models import Incident, Rule, Silence
from ingest import doors
from ingest.models import DrainClaim
from storage.postgres import partitions
from tests.alerts import at, incidents, look_at, make_rule, some, store_at
from tests.organisations import make_caller

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

RULES, INCIDENTS, SILENCES = "/admin/alerts/rule/", "/admin/incidents/", "/admin/alerts/silence/"
FORM = {"rule_name": "Payments fail", "kind": "threshold", "is_active": "on", "severity": "40", "count_threshold": "5",
        "time_window_minutes": "5", "group_by": "environment", "channels": "email, slack",
        "cooldown_minutes": "0", "time_zone": "UTC",}  # fmt: skip


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    doors.forget()
    DrainClaim.objects.all().delete()


@pytest.fixture
def caller() -> Caller:
    return make_caller()


def staff(*permissions: str, name: str = "ada") -> Client:
    role = Role.objects.create(name=f"role of {name}")
    role.permissions.set(Permission.objects.filter(content_type__app_label="alerts", codename__in=permissions))
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.groups.add(role)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def superuser() -> Client:
    client = Client()
    user = User.objects.create_superuser("root", password="x")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:2_000]
    return str(response.content.decode())


def test_rule_is_made_in_the_console_fires_and_is_looked_at(caller: Caller) -> None:
    root = superuser()
    asked = FORM | {"organisation": str(caller.organisation_id)}
    refused = text_of(root.post(f"{RULES}add/", asked | {"query": "x", "channels": "pigeon"}))
    assert "Only a search has a query." in refused
    assert "pigeon is neither a kind of channel" in refused
    text_of(root.post(f"{RULES}add/", asked), 302)
    rule = Rule.objects.get()
    assert (rule.channels, rule.owner and rule.owner.username) == (["email", "slack"], "root")
    Rule.objects.update(settled_until=at(0))
    store_at(caller, 10, *some(9, environment="eu"))
    look_at(11)
    look_at(11.5)
    assert "firing" in text_of(root.get(RULES))
    assert "looked at" in text_of(root.get(f"{RULES}{rule.pk}/change/"))
    tried = text_of(root.post(f"{RULES}{rule.pk}/change/", asked | {"count_threshold": "6", "_try": "1"}))
    assert "<td>eu</td>" in tried
    chart = json.loads(unescape(re.search(r'<script id="found-chart"[^>]*>(.*?)</script>', tried)[1]))  # type: ignore[index]
    assert (max(chart["values"]), chart["threshold"], len(chart["times"])) == (9, 6, len(chart["values"]))
    assert "nobody would have been told" in text_of(
        root.post(f"{RULES}add/", asked | {"count_threshold": "99", "_try": "1", "rule_name": "x"})
    )
    assert Rule.objects.get(is_built_in=False).count_threshold == 5
    [incident] = Incident.objects.all()
    listed = text_of(root.get(INCIDENTS))
    assert "Payments fail · eu" in listed
    assert "9 in 5 min, 5 or more" in listed
    page = text_of(root.get(f"{INCIDENTS}{incident.pk}/"))
    assert "level%3A%3E%3Derror+environment%3A%22eu%22" in page
    assert "Channels were told." in page
    assert "No incident is open" not in page
    text_of(root.post(f"{RULES}{rule.pk}/change/", asked | {"count_threshold": "7"}), 302)
    assert incidents(rule)[0][1] is not None
    assert "the rule was changed" in text_of(root.get(f"{INCIDENTS}{incident.pk}/"))
    changed = Changed.objects.filter(content_type__model="rule").latest("id").changes
    assert set(changed) == {"count_threshold"}
    text_of(root.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"}), 302)
    assert not Incident.objects.exists()


def test_monitor_shows_its_address_and_a_ratio_needs_its_percentage(caller: Caller) -> None:
    root = superuser()
    monitor = make_rule(caller, rule_name="nightly", kind="monitor")
    assert heartbeats.token_of(monitor) in text_of(root.get(f"{RULES}{monitor.pk}/change/"))
    tried = FORM | {"organisation": str(caller.organisation_id), "kind": "monitor", "group_by": "", "_try": "1"}
    assert "A monitor begins with its first heartbeat" in text_of(root.post(f"{RULES}{monitor.pk}/change/", tried))
    ratio = FORM | {"kind": "ratio", "organisation": str(caller.organisation_id)}
    assert "A ratio needs its percentage." in text_of(root.post(f"{RULES}add/", ratio))
    text_of(root.post(f"{RULES}add/", ratio | {"ratio_percent": "5"}), 302)


def test_incident_is_acknowledged_and_silenced_by_those_who_may(caller: Caller) -> None:
    rule = make_rule(caller, group_by="environment")
    store_at(caller, 10, *some(9, environment="eu"))
    look_at(11)
    [incident] = Incident.objects.all()
    page = f"{INCIDENTS}{incident.pk}/"
    looks, does = staff("view_incident"), staff("view_incident", "change_incident", "add_silence", name="bob")
    assert "Acknowledge" not in text_of(looks.get(page))
    for action in ("acknowledge", "silence"):
        text_of(looks.post(page, {"action": action, "hours": "1"}), 403)
    assert "Acknowledge" in text_of(does.get(page))
    text_of(does.post(page, {"action": "acknowledge"}), 302)
    text_of(does.post(page, {"action": "silence", "hours": "4", "reason": "known"}), 302)
    incident.refresh_from_db()
    assert incident.acknowledged_by == "bob"
    silence = Silence.objects.get()
    assert (silence.rule_id, silence.environment, silence.reason) == (rule.pk, "eu", "known")
    assert timedelta(hours=3.9) < silence.until - timezone.now() < timedelta(hours=4.1)
    text_of(Client().get(page), 302)
    text_of(staff(name="eve").get(page), 403)
    text_of(looks.get(f"{INCIDENTS}{incident.pk + 1}/"), 404)


def test_silence_of_the_past_or_of_a_strangers_rule_is_refused(caller: Caller) -> None:
    root, stranger = superuser(), make_rule(make_caller())
    later = timezone.now() + timedelta(days=1)
    asked = {
        "organisation": str(caller.organisation_id),
        "reason": "x",
        "until_0": f"{later:%Y-%m-%d}",
        "until_1": "12:00",
    }
    assert "another organisation" in text_of(root.post(f"{SILENCES}add/", asked | {"rule": str(stranger.pk)}))
    assert "In the future" in text_of(root.post(f"{SILENCES}add/", asked | {"until_0": "2001-01-01"}))
    text_of(root.post(f"{SILENCES}add/", asked), 302)
    assert "x" in text_of(root.get(SILENCES))


@pytest.mark.parametrize("page", [RULES, INCIDENTS, SILENCES])
def test_lists_ask_for_a_fixed_number_of_rows(caller: Caller, page: str, django_assert_max_num_queries: Any) -> None:
    root = superuser()
    assert re.search("No rule yet|Nothing is silenced|There is no rule yet", text_of(root.get(page)))
    for n in range(5):
        rule = make_rule(caller, rule_name=f"Rule {n}")
        Incident.objects.create(organisation_id=caller.organisation_id, rule=rule, opened_at=at(n), last_over_at=at(n))
        Silence.objects.create(organisation_id=caller.organisation_id, rule=rule, until=at(999), reason=f"{n}")
    root.get(page)
    with django_assert_max_num_queries(12):
        root.get(page)
