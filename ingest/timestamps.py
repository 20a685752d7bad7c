"""Event times as clients write them, and as we keep them: aware UTC. Ours are RFC 3339; others' are anything."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw, ValidationError, convert
from msgspec.json import Decoder

LEAP_SECOND = re.compile(r":60(\.\d+)?(?=$|[Zz+-])", re.ASCII)
FRACTION = re.compile(r"(\.\d{6})\d+", re.ASCII)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A number below which is in this unit, of so many microseconds: seconds, milliseconds, microseconds.
_UNITS = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
_NUMBER = re.compile(r"\d{9,20}(\.\d{1,12})?", re.ASCII)

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


def of_nanoseconds(nanoseconds: int) -> datetime | None:
    """Return the moment so long after 1970; None beyond the years that we keep."""
    try:
        return EPOCH + timedelta(0, 0, nanoseconds // 1_000)
    except OverflowError:
        return None


def moment_of(value: Any) -> datetime | None:
    """Return the moment that a text or number stands for, whatever its form or unit; None when it stands for none."""
    if isinstance(value, str):
        return _moment_of_text(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return _moment_of_number(value)
    if isinstance(value, float) and abs(value) < 1e20:
        microseconds = next((unit for below, unit in _UNITS if abs(value) < below), None)
        return _moment_of_number(round(value * microseconds) * 1_000 if microseconds else int(value), nanoseconds=True)
    return None


def _moment_of_number(number: int, *, nanoseconds: bool = False) -> datetime | None:
    if nanoseconds:
        return of_nanoseconds(number)
    microseconds = next((unit for below, unit in _UNITS if abs(number) < below), None)
    return of_nanoseconds(number * microseconds * 1_000 if microseconds else number)


def _moment_of_text(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else as_utc(moment)
    except (ValueError, OverflowError):
        pass
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _moment_of_number(int(text)) if text.isdecimal() else moment_of(float(text))
    try:
        return as_utc(datetime.fromisoformat(LEAP_SECOND.sub(":59.999999", text.upper())))
    except (ValueError, OverflowError):
        return None
