"""What agents send with a key that is no entry, for the key's page."""

from typing import Any

from django import template
from django.utils import timezone

from quotas import usage
from quotas.tally import LET_GO

register = template.Library()


@register.simple_tag
def let_go_of(api_key: Any) -> list[tuple[str, int]]:
    """Return what was let go of a key's this month (UTC), by what it is, the most first."""
    began = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return usage.entries_of_key(api_key.organisation_id, api_key.pk, prefix=LET_GO, since=began)
