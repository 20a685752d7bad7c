"""Who looked at whose logs, staff or people at the server: written before the look, and kept even when that fails."""

import getpass
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import AccessRecord, Organisation, User

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


def record(look: Look, *, by: User, organisation: Organisation, address: str) -> None:
    """Write into the access log which member of staff looks at what, and from where."""
    _row(look, member_of_staff(by, address=address), organisation.pk, organisation.slug).save(force_insert=True)


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
