"""A ticket lets the explorer open a tail on another port: who may listen, to what, for the next 30 seconds.

The page gets it from the session's own endpoint, so the tail needs neither the session's cookie nor CORS credentials.
"""

from django.core import signing
from msgspec import Struct, ValidationError, convert, to_builtins

from foundation.refusals import Refusal

LIFETIME_SECONDS = 30
SALT = "explore.tail"


class Ticket(Struct, frozen=True, kw_only=True):
    """A member of staff may listen to one organisation through one query, while the session lasts."""

    user_id: int
    session: str  # its digest
    organisation_id: int
    query: str


def issue(ticket: Ticket) -> str:
    """Return `ticket`, signed, for an address."""
    return signing.dumps(to_builtins(ticket), salt=SALT, compress=True)


def redeem(text: str) -> Ticket:
    """Read a ticket. Raises: `Refusal` when it is forged or has run out."""
    try:
        return convert(signing.loads(text, salt=SALT, max_age=LIFETIME_SECONDS), Ticket)
    except (signing.BadSignature, ValidationError) as error:
        raise Refusal("forbidden", "The ticket is not valid any more.") from error
