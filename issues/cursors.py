"""Where a page of groups ended, as a text that its reader cannot forge and another organisation cannot use."""

from datetime import datetime

from django.core import signing

from foundation.refusals import Refusal
from issues.listing import Position


def sign(position: Position, *, sort: str, organisation_id: int) -> str:
    """Return the position as a text bound to the organisation and the order."""
    value, number = position
    told = value.isoformat() if isinstance(value, datetime) else value
    return signing.dumps([sort, told, number], salt=_salt(organisation_id))


def read(text: str, *, sort: str, organisation_id: int) -> Position:
    """Return the position that `text` holds. Raises: `Refusal` when it is none of the organisation's in this order."""
    try:
        order, value, number = signing.loads(text, salt=_salt(organisation_id))
    except signing.BadSignature as error:
        raise Refusal("invalid_parameter", "cursor is not one that this API gave you.") from error
    if order != sort:
        raise Refusal("invalid_parameter", "cursor is of a page in another order.")
    return (datetime.fromisoformat(value) if isinstance(value, str) else value), number


def _salt(organisation_id: int) -> str:
    return f"issues.cursor.{organisation_id}"
