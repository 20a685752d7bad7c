"""Rows for tests of the accounts."""

from typing import Any

from accounts.keys import digest, make_key
from accounts.models import ApiKey, Organisation, Project


def make_organisation(slug: str = "acme", **fields: Any) -> Organisation:
    """An organisation with one project, `shop`."""
    organisation = Organisation.objects.create(name=slug.title(), slug=slug, **fields)
    Project.objects.create(organisation=organisation, name="Shop", slug="shop")
    return organisation


def make_api_key(organisation: Organisation | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """A key of `organisation`'s first project, and its secret."""
    organisation = organisation or make_organisation()
    secret = make_key()
    project = organisation.projects.earliest("id")
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
