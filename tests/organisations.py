"""Organisations, their keys and their callers, for tests of every room."""

import itertools
from typing import Any

from accounts.caller import Caller
from accounts.directory import look_up
from accounts.keys import digest, make_key
from accounts.models import ApiKey, Organisation, Project
from quotas.models import Plan
from quotas.plans import subscribe

_numbers = itertools.count(1)


def make_plan(**fields: Any) -> Plan:
    """A plan of its own, generous where `fields` do not say."""
    slug = f"plan-{next(_numbers)}"
    generous = {"requests_per_minute": 60_000, "monthly_bytes": 2**30, "retention_days": 30}
    return Plan.objects.create(**{"name": slug.title(), "slug": slug} | generous | fields)


def make_organisation(slug: str = "acme", *, plan: Plan | None = None, **fields: Any) -> Organisation:
    """An organisation with one project, `shop`; without a `plan` on the one that organisations begin with."""
    organisation = Organisation.objects.create(name=slug.title(), slug=slug, **fields)
    Project.objects.create(organisation=organisation, name="Shop", slug="shop")
    if plan:
        subscribe(organisation, plan)
    return organisation


def make_api_key(organisation: Organisation | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """A key of `organisation`'s first project, or of `project`, and its secret."""
    organisation = organisation or make_organisation()
    secret = make_key()
    project = fields.pop("project", None) or organisation.projects.earliest("id")
    api_key = ApiKey.objects.create(
        organisation=organisation,
        project=project,
        name=fields.pop("name", "web"),
        sha256=digest(secret),
        prefix=secret[:7],
        suffix=secret[-4:],
        **fields,
    )
    return api_key, secret


def caller_of(api_key: ApiKey) -> Caller:
    """The caller who has this key, as requests look it up."""
    caller = look_up(bytes(api_key.sha256))
    assert caller
    return caller


def make_caller(**limits: Any) -> Caller:
    """The caller of an organisation of its own, on a plan with these limits."""
    organisation = make_organisation(f"organisation-{next(_numbers)}", plan=make_plan(**limits))
    return caller_of(make_api_key(organisation)[0])
