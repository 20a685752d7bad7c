"""`python -m tests.hostile.provision`: fill an empty database as at an installation, and print the keys made."""

import json

import django

if __name__ == "__main__":
    django.setup()

from django.core.management import call_command

from accounts.models import User
from quotas.models import Plan
from quotas.plans import subscribe
from tests.organisations import make_api_key, make_organisation

STAFF, PASSWORD = "hostile-staff", "correct horse battery staple"
WAYS_IN = ("direct", "nginx")


def provision() -> dict[str, dict[str, object]]:
    """Make tables, a plan without limits that matter, and an organisation with two keys for each way in."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("partitions", make=True, verbosity=0)
    User.objects.create_superuser(STAFF, password=PASSWORD)
    plan = Plan.objects.create(
        slug="hostile", name="Hostile", requests_per_minute=1_000_000, monthly_bytes=2**40, retention_days=9
    )
    made: dict[str, dict[str, object]] = {}
    for name in WAYS_IN:
        organisation = make_organisation(name)
        subscribe(organisation, plan)
        _, secret = make_api_key(organisation)
        _, reader = make_api_key(organisation, name="reader", scopes=["read"])
        _, sender = make_api_key(organisation, name="sender", scopes=["ingest"])
        made[name] = {"organisation_id": organisation.pk, "secret": secret, "reader": reader, "sender": sender}
    return made


if __name__ == "__main__":
    print(json.dumps(provision()))
