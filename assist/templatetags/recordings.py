"""The recordings of a group, for the page of the room below that shows it."""

from typing import Any

from django import template

from accounts.models import Organisation
from assist import recordings

SHOWN = 10

register = template.Library()


@register.inclusion_tag("admin/assist/recordings.html")
def recordings_of(organisation: Organisation, number: int) -> dict[str, Any]:
    """Return what the list of a group's newest recordings shows."""
    page = recordings.of_group(organisation.pk, number, limit=SHOWN)
    return {
        "organisation": organisation,
        "number": number,
        "recordings": page.recordings if page else [],
        "goes_on": page is not None and page.goes_on,
        "days": recordings.days_kept(organisation.pk),
    }
