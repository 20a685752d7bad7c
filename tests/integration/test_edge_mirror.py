"""The directory that an edge mirrors: all of a caller, only who may send there, and never the secret key."""

from dataclasses import asdict
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from msgspec import json

from accounts import trust
from accounts.directory import look_up
from accounts.models import ApiKey, Mirror, Organisation, Project
from edges import directory, life
from edges.models import Edge
from foundation.refusals import Refusal
from privacy.models import Policy, Rule
from privacy.policies import rules_now
from quotas import limits as quota_limits
from quotas.models import Plan, Quota
from tests.edges import Sender
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan


def fetch(sender: Sender, **headers: str) -> Any:
    directory.forget()
    given: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {sender.token}", **headers}
    return Client().get(f"/v1/edge/directory?installation={sender.installation}", **given)


def become_an_edge() -> None:
    """Empty the tables that an edge mirrors: from here on the test's database is another installation's."""
    for model in (Rule, Policy, Quota, Plan, ApiKey, Project):
        model.objects.all().delete()
    Edge.objects.all().delete()
    Organisation.objects.all().delete()


@pytest.mark.django_db
def test_an_edge_knows_all_of_its_callers_limits_and_rules_and_nobody_else() -> None:
    organisation = make_organisation("acme", plan=make_plan(requests_per_minute=77, burst_requests=99))
    key, secret = make_api_key(
        organisation, environment="staging", scopes=["ingest"], requests_per_minute=5, allowed_networks=["10.0.0.0/8"],
        invalid_entries="lenient", minimum_level=30, expires_at="2099-01-01T00:00:00Z", keeps_overflow=True,
    )  # fmt: skip
    public, _ = make_api_key(organisation, kind="public", scopes=["ingest"], allowed_origins=["https://shop.example"])
    revoked, _ = make_api_key(organisation, revoked_at="2026-01-01T00:00:00Z", revoked_reason="old")
    elsewhere, _ = make_api_key(make_organisation("elsewhere", plan=make_plan()))
    policy = Policy.objects.create(organisation=organisation, money="hash", salt="salt", sensitive_fields=["message"])
    Rule.objects.create(policy=policy, name="badge", pattern="EMP-[0-9]+")
    callers = [asdict(caller_of(key)), asdict(caller_of(public))]
    quota_limits.forget()
    limits, rules = quota_limits.limits_for(organisation.pk), rules_now(organisation.pk)
    sender = Sender(caller_of(key))
    answer = fetch(sender)
    assert answer.status_code == 200
    for text in (secret, settings.SECRET_KEY, "elsewhere", bytes(elsewhere.sha256).hex()):
        assert text not in answer.content.decode()

    become_an_edge()
    directory.write(answer.content)

    of_edge = [asdict(caller_of(key)), asdict(caller_of(public))]
    callers[1]["daily_bytes"] = 2**30 // 50  # what it has without one of its own: here nothing is its organisation's
    assert of_edge == callers
    assert look_up(bytes(revoked.sha256)) is look_up(bytes(elsewhere.sha256)) is None
    assert rules_now(organisation.pk) == rules
    quota_limits.forget()
    mirrored = quota_limits.limits_for(organisation.pk)
    assert (mirrored.requests_per_minute, mirrored.burst) == (limits.requests_per_minute, limits.burst)
    assert Organisation.objects.get().slug == "acme"


@pytest.mark.django_db
def test_what_changes_at_the_core_changes_at_the_edge() -> None:
    one, two = make_organisation("one", plan=make_plan()), make_organisation("two", plan=make_plan())
    key, _ = make_api_key(one)
    other, _ = make_api_key(two)
    sender = Sender(takes_all=True)
    before = fetch(sender)
    etag = before.headers["ETag"]
    assert fetch(sender, HTTP_IF_NONE_MATCH=etag).status_code == 304

    ApiKey.objects.filter(pk=key.pk).update(revoked_at="2026-01-01T00:00:00Z", revoked_reason="old")
    Organisation.objects.filter(pk=one.pk).update(slug="x")
    Organisation.objects.filter(pk=two.pk).update(slug="one")
    Organisation.objects.filter(pk=one.pk).update(slug="two")  # their names are the other's now
    after = fetch(sender, HTTP_IF_NONE_MATCH=etag)
    life.begin_to_retire(sender.edge.pk)
    retiring = fetch(sender)

    become_an_edge()
    directory.write(before.content)
    assert look_up(bytes(key.sha256))
    assert look_up(bytes(other.sha256))
    directory.write(after.content)
    assert look_up(bytes(key.sha256)) is None
    assert look_up(bytes(other.sha256))
    assert dict(Organisation.objects.values_list("pk", "slug")) == {one.pk: "two", two.pk: "one"}
    directory.write(retiring.content)
    assert look_up(bytes(other.sha256)) is None
    directory.write(before.content)
    assert look_up(bytes(key.sha256))
    assert Mirror.objects.get().digest in etag
    assert json.decode(before.content)


@pytest.mark.django_db
def test_a_mirror_is_trusted_for_a_day_and_not_before_there_is_one() -> None:
    codes: list[str] = []

    def is_trusted() -> bool:
        trust.forget()
        try:
            trust.require()
        except Refusal as refusal:
            codes.append(refusal.code)
            return False
        return True

    assert not is_trusted()
    trust.confirm("0" * 64)
    assert is_trusted()
    Mirror.objects.update(confirmed_at="2026-01-01T00:00:00Z")
    assert not is_trusted()
    trust.confirm("0" * 64)
    assert is_trusted()
    assert codes == ["storage_unavailable"] * 2
    trust.forget()
