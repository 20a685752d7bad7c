"""A key that the operator brings along, for compose and Helm: made once, found again ever after."""

from dataclasses import dataclass, field

from django.db import transaction

from accounts import life
from accounts.keys import digest, is_well_formed
from accounts.models import ApiKey, Organisation, Project
from accounts.standing import Standing, standing
from quotas.models import Plan, Quota


class ProvisionError(Exception):
    """The key cannot be provisioned; the message says why, without the key."""


@dataclass(frozen=True, kw_only=True)
class Provision:
    """What should be there."""

    api_key: str = field(repr=False)
    organisation: str
    plan: str
    project: str
    name: str
    environment: str


@transaction.atomic
def provision(wanted: Provision) -> bool:
    """Make the key and what it needs; return whether there was anything to make. Raises: `ProvisionError`.

    What exists is left as it is: staff may have changed it since.
    """
    if not is_well_formed(wanted.api_key):
        raise ProvisionError("The key must be ll_ and 48 lower-case hex digits: ll_$(openssl rand -hex 24).")
    found = ApiKey.objects.select_related("organisation", "successor").filter(sha256=digest(wanted.api_key)).first()
    if found is not None:
        if standing(found) in (Standing.REVOKED, Standing.EXPIRED):
            raise ProvisionError(f"This key is {standing(found)}: provision another one.")
        return False
    plan = Plan.objects.filter(slug=wanted.plan).first()
    if plan is None:
        raise ProvisionError(f"There is no plan {wanted.plan}.")
    organisation, _ = Organisation.objects.get_or_create(
        slug=wanted.organisation, defaults={"name": wanted.organisation}
    )
    Quota.objects.get_or_create(organisation=organisation, defaults={"plan": plan})
    project, _ = Project.objects.get_or_create(
        organisation=organisation, slug=wanted.project, defaults={"name": wanted.project}
    )
    draft = ApiKey(project=project, name=wanted.name, environment=wanted.environment)
    life.issue(draft, by=None, secret=wanted.api_key)
    return True
