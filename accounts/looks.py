"""Who of the staff looked at whose logs: written before the look, and kept even when that fails."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import AccessRecord, Organisation, User

SUBJECT_CHARACTERS = 140


@dataclass(frozen=True, kw_only=True)
class Look:
    """What somebody is about to look at."""

    action: AccessRecord.Action
    query: str = ""
    start: datetime | None = None
    end: datetime | None = None
    subject: str = ""


def record(look: Look, *, by: User, organisation: Organisation, address: str) -> None:
    """Write into the access log who looks at what, and from where."""
    AccessRecord.objects.create(
        user_id=by.pk,
        username=by.get_username(),
        organisation_id=organisation.pk,
        organisation=organisation.slug,
        action=look.action,
        query=look.query,
        range_start=look.start,
        range_end=look.end,
        subject=look.subject[:SUBJECT_CHARACTERS],
        address=address,
    )
