"""Event times as clients write them (RFC 3339), and as we keep them: aware UTC."""

import re
from datetime import UTC, datetime

from msgspec import Raw, ValidationError, convert
from msgspec.json import Decoder

LEAP_SECOND = re.compile(r":60(\.\d+)?(?=$|[Zz+-])", re.ASCII)
FRACTION = re.compile(r"(\.\d{6})\d+", re.ASCII)

_datetime = Decoder(datetime)
_text = Decoder(str)


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; without an offset it is UTC already. Raises: OverflowError."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_timestamp(raw: Raw | bytes) -> datetime:
    """Decode a JSON string, also what msgspec refuses: leap seconds, and a fraction that would round past year 9999.

    Raises: ValidationError, OverflowError.
    """
    try:
        return as_utc(_datetime.decode(raw))
    except ValidationError:
        text = LEAP_SECOND.sub(":59.999999", FRACTION.sub(r"\1", _text.decode(raw)))
        return as_utc(convert(text, datetime))
