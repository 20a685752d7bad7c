"""Where a page ended, as a text that its reader cannot forge and another organisation cannot use."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from foundation.refusals import Refusal
from storage.search import EPOCH, Position

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page, with the range and the order that the page was asked for in."""

    start: datetime
    end: datetime
    newest_first: bool
    after: Position


def sign(cursor: Cursor, *, organisation_id: int) -> str:
    """Return the cursor as a text bound to the organisation."""
    timestamp, entry_id = cursor.after
    times = [(moment - EPOCH) // MICROSECOND for moment in (cursor.start, cursor.end, timestamp)]
    return signing.dumps([*times, entry_id, cursor.newest_first], salt=_salt(organisation_id))


def read(text: str, *, organisation_id: int) -> Cursor:
    """Return the cursor that `text` holds. Raises: `Refusal` when it is none of the organisation's."""
    try:
        *times, entry_id, newest_first = signing.loads(text, salt=_salt(organisation_id))
    except signing.BadSignature as error:
        raise Refusal("invalid_parameter", "cursor is not one that this API gave you.") from error
    start, end, timestamp = (EPOCH + time * MICROSECOND for time in times)
    return Cursor(start=start, end=end, newest_first=newest_first, after=(timestamp, entry_id))


def _salt(organisation_id: int) -> str:
    return f"explore.cursor.{organisation_id}"
