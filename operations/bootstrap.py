"""The first organisation, its project and key, and the first administrator."""

from django.db import transaction

from accounts import life
from accounts.keys import digest
from accounts.models import ApiKey, Organisation, Project, User
from embedded.credentials import Credentials
from quotas.plans import plan_named, subscribe

PLAN = "scale"


@transaction.atomic
def bootstrap(credentials: Credentials) -> bool:
    """Make the first rows in an empty database; tell whether `credentials` are those of this database."""
    if Organisation.objects.exists():
        return ApiKey.objects.filter(sha256=digest(credentials.api_key)).exists()
    organisation = Organisation.objects.create(name="First organisation", slug="first")
    subscribe(organisation, plan_named(PLAN))
    project = Project.objects.create(organisation=organisation, name="First project", slug="first")
    life.issue(ApiKey(project=project, name="first key"), by=None, secret=credentials.api_key)
    User.objects.create_superuser(credentials.admin_username, password=credentials.admin_password)
    return True
