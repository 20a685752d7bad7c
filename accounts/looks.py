"""Who looked at whose logs, staff or people at the server: written before the look, and kept even when that fails."""

import getpass
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.models import AccessRecord, Organisation, User

#: Requests of one look that come later are looks of their own.
LOOK_LASTS = timedelta(minutes=15)
#: A look whose range ends no longer ago than this when it is recorded goes on into the present.
UNTIL_NOW = timedelta(minutes=1)
SUBJECT_CHARACTERS = 140
USERNAME_CHARACTERS = 150


@dataclass(frozen=True, kw_only=True)
class Look:
    """What somebody is about to look at."""

    action: AccessRecord.Action
    query: str = ""
    start: datetime | None = None
    end: datetime | None = None
    subject: str = ""
    #: What the page calls it, when several requests of it are to have one record.
    name: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Looker:
    """Who looks, and from where; user 0 is nobody of the staff."""

    user_id: int
    username: str
    address: str | None = None


def member_of_staff(user: User, *, address: str) -> Looker:
    """Return a member of staff as a looker."""
    return Looker(user_id=user.pk, username=user.get_username(), address=address)


def at_the_server() -> Looker:
    """Return whoever runs this process on the server: known to the operating system, not to us."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user of a container, without a name
        name = "?"
    return Looker(user_id=0, username=f"{name} (at the server)"[:USERNAME_CHARACTERS])


def record(look: Look, *, by: User, organisation: Organisation, address: str) -> AccessRecord:
    """Write into the access log which member of staff looks at what, and from where; return the record.

    Requests of one named look share the record that the first of them wrote, as long as it says all that they ask for.
    """
    row = _row(look, member_of_staff(by, address=address), organisation.pk, organisation.slug)
    if look.name is not None:
        row.look = look.name
        AccessRecord.objects.bulk_create([row], ignore_conflicts=True)
        shared = AccessRecord.objects.get(user_id=by.pk, look=look.name)
        if _covers(shared, look, organisation):
            return shared
        row = _row(look, member_of_staff(by, address=address), organisation.pk, organisation.slug)
    row.save(force_insert=True)
    return row


def _covers(record: AccessRecord, look: Look, organisation: Organisation) -> bool:
    """Tell whether the record says what is looked at: the same question, of no other time but what came since.

    Nobody can change a record, so what a page calls a look need not be believed.
    """
    same = (record.organisation_id, record.action, record.query, record.subject)
    if same != (organisation.pk, look.action, look.query, look.subject):
        return False
    if datetime.now(UTC) - record.at > LOOK_LASTS:
        return False
    if not (record.range_start and record.range_end and look.start and look.end):
        return (record.range_start, record.range_end) == (look.start, look.end)
    goes_on = record.range_end >= record.at - UNTIL_NOW
    return record.range_start <= look.start and (look.end <= record.range_end or goes_on)


def record_each(look: Look, *, by: Looker, organisation_ids: Iterable[int]) -> None:
    """Write a look at several organisations' logs, a line each; one that is gone is called by its number."""
    slugs = dict(Organisation.objects.filter(pk__in=(ids := sorted(set(organisation_ids)))).values_list("pk", "slug"))
    AccessRecord.objects.bulk_create(_row(look, by, pk, slugs.get(pk, f"organisation {pk}")) for pk in ids)


def _row(look: Look, by: Looker, organisation_id: int, organisation: str) -> AccessRecord:
    return AccessRecord(
        user_id=by.user_id,
        username=by.username,
        organisation_id=organisation_id,
        organisation=organisation,
        action=look.action,
        query=look.query,
        range_start=look.start,
        range_end=look.end,
        subject=look.subject[:SUBJECT_CHARACTERS],
        address=by.address,
    )
