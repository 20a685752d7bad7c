"""Who is on which plan."""

from accounts.models import Organisation
from quotas.models import Plan, Quota


def plan_named(slug: str) -> Plan:
    """Return a plan by its short name. Raises: `Plan.DoesNotExist`."""
    return Plan.objects.get(slug=slug)


def subscribe(organisation: Organisation, plan: Plan) -> Quota:
    """Put an organisation on `plan`; overrides stay as they are. Acts on the next request."""
    quota, _ = Quota.objects.update_or_create(organisation=organisation, defaults={"plan": plan})
    return quota
