"""Event times as clients write them, and as we keep them: aware UTC. Ours are RFC 3339; others' are anything."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw, ValidationError, convert
from msgspec.json import Decoder

LEAP_SECOND = re.compile(r":60(\.\d+)?(?=$|[Zz+-])", re.ASCII)
FRACTION = re.compile(r"(\.\d{6})\d+", re.ASCII)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A number below is in seconds, in milliseconds, in microseconds; else in nanoseconds.
_SECONDS_BELOW, _MILLISECONDS_BELOW, _LARGEST = 10**11, 10**14, 10**17
#: So many nanoseconds, as seconds, are a float whose steps are less than half a microsecond: nothing is lost.
_EXACT_BELOW = 4 * 10**18
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
    if 0 <= nanoseconds < _EXACT_BELOW:
        return datetime.fromtimestamp(nanoseconds // 1_000 / 1_000_000, UTC)
    try:
        return EPOCH + timedelta(0, 0, nanoseconds // 1_000)
    except OverflowError:
        return None


def moment_of(value: Any) -> datetime | None:
    """Return the moment that a text or number stands for, whatever its form or unit; None when it stands for none."""
    if value.__class__ is float and 0 <= value < _SECONDS_BELOW:
        return datetime.fromtimestamp(value, UTC)  # as EPOCH + timedelta(0, value), in a third of the time
    if isinstance(value, str):
        return _moment_of_text(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return of_nanoseconds(value * 1_000 * _unit(value) if abs(value) < _LARGEST else value)
    if isinstance(value, float) and abs(value) < 1e20:
        return of_nanoseconds(round(value * _unit(value)) * 1_000 if abs(value) < _LARGEST else int(value))
    return None


def _unit(number: float) -> int:
    """Return how many microseconds the unit of a number has."""
    size = abs(number)
    return 1_000_000 if size < _SECONDS_BELOW else 1_000 if size < _MILLISECONDS_BELOW else 1


def _moment_of_text(text: str) -> datetime | None:
    if text[:10].isdecimal() and text[10:11] == "." and text[11:].isdecimal() and len(text) < 24:  # the usual seconds
        return datetime.fromtimestamp(float(text), UTC)
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else as_utc(moment)
    except (ValueError, OverflowError):
        pass
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return moment_of(int(text) if text.isdecimal() else float(text))
    try:
        return as_utc(datetime.fromisoformat(LEAP_SECOND.sub(":59.999999", text.upper())))
    except (ValueError, OverflowError):
        return None
