"""Who stands behind an open tail, and whether they still may listen: asked of PostgreSQL, never of a memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from accounts import signed_in
from accounts.authentication import may_come_from
from accounts.caller import Caller
from accounts.directory import look_up_all
from accounts.models import Organisation, User
from accounts.scopes import Scope, require
from explore.permissions import may_view_logs
from explore.tail.ticket import Ticket
from foundation.postgres import answered_in_time, discard_if_dead
from foundation.refusals import Refusal


@dataclass(frozen=True, slots=True)
class KeyBearer:
    """Whoever came with the key of this hash, from this address."""

    sha256: bytes
    address: str


#: A member of staff is known by the ticket.
Bearer = KeyBearer | Ticket


def refusals(bearers: Collection[Bearer]) -> dict[Bearer, Refusal]:
    """Return why those of `bearers` who may not listen now may not. Raises: `django.db.Error`."""
    discard_if_dead()
    with answered_in_time():
        keys = _refused_keys({one for one in bearers if isinstance(one, KeyBearer)})
        return keys | _refused_staff([one for one in bearers if isinstance(one, Ticket)])


def check(bearer: Bearer) -> None:
    """Return if `bearer` may listen now. Raises: `Refusal`, `django.db.Error`."""
    if refusal := refusals([bearer]).get(bearer):
        raise refusal


def _refused_keys(bearers: Collection[KeyBearer]) -> dict[Bearer, Refusal]:
    callers = look_up_all({one.sha256 for one in bearers})
    found = {one: _of_caller(callers.get(one.sha256), one.address) for one in bearers}
    return {one: refusal for one, refusal in found.items() if refusal}


def _of_caller(caller: Caller | None, address: str) -> Refusal | None:
    if caller is None:
        return Refusal("invalid_api_key")
    if not may_come_from(caller, address=address):
        return Refusal("forbidden", "This API key may not be used from your address.")
    try:
        require(caller, Scope.READ)
    except Refusal as refusal:
        return refusal
    return None


def _refused_staff(tickets: Sequence[Ticket]) -> dict[Bearer, Refusal]:
    """Refuse who has left, lost the permission or logged out since; and looks at an organisation that is gone."""
    if not tickets:
        return {}
    users = {user.pk: user for user in User.objects.filter(pk__in={one.user_id for one in tickets})}
    users_by_session = signed_in.users_by({one.session for one in tickets})
    there = set(
        Organisation.objects.filter(pk__in={one.organisation_id for one in tickets}).values_list("pk", flat=True)
    )
    may_look = {pk for pk, user in users.items() if may_view_logs(user)}
    return {
        one: Refusal("forbidden", "You may not look at these logs any more.")
        for one in tickets
        if one.user_id not in may_look
        or users_by_session.get(one.session) != one.user_id
        or one.organisation_id not in there
    }
