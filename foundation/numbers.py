"""Numbers in JSON, written short: what is tiny, or has more than 40 digits, gets an exponent. Pure.

PostgreSQL writes all digits of a number: 1e300 takes five characters when it comes, and would be an integer of 301 when
it goes. An integer beyond all floats keeps its digits: it came with them, and with an exponent few could read it.
"""

import re
from decimal import Decimal
from math import isinf

MAX_DIGITS = 40
#: Below 0.00001 every JSON writer that we know uses an exponent.
_TINY = b"0.00000"
#: Texts, so that nothing in them is taken for a number; and numbers that may be long, whole or tiny.
_WRITTEN = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"|-?(?:[0-9][0-9.]{%d,}+|(?<![0-9.])0\.00000[0-9]++)[0-9eE+-]*+' % MAX_DIGITS, re.DOTALL
)
_DIGITS = bytes(48 <= code <= 57 or code == 46 for code in range(256))


class Written(Decimal):
    """A number of a document that knows how it is written there: as a hook for decoders of JSON."""

    text: str

    def __new__(cls, text: str) -> "Written":
        number = super().__new__(cls, text)
        number.text = text
        return number


def shorten(text: bytes) -> bytes:
    """Return the JSON with its long numbers written short; everything else stays as it is."""
    return _WRITTEN.sub(_shortened, text) if _TINY in text or may_hold_long(text) else text


def may_hold_long(text: bytes) -> bool:
    """Tell, for a fiftieth of the time of parsing, whether there may be a number of too many digits.

    41 characters of a number in a row are five of every eighth byte in a row.
    """
    return b"\1" * (MAX_DIGITS // 8) in text[::8].translate(_DIGITS)


def _shortened(found: re.Match[bytes]) -> bytes:
    text = found[0]
    whole, _, fraction = text.lstrip(b"-").partition(b".")
    is_tiny = text.lstrip(b"-").startswith(_TINY)
    if text[:1] == b'"' or b"e" in text.lower() or not (is_tiny or len(whole) + len(fraction) > MAX_DIGITS):
        return text
    digits = (whole + fraction).lstrip(b"0")
    if not digits:
        return b"0.0"
    exponent, rest = len(digits) - len(fraction) - 1, digits[1:].rstrip(b"0")
    mantissa = digits[:1] + (b"." + rest if rest else b"")
    short = b"%b%be%d" % (text[: text.startswith(b"-")], mantissa, exponent)
    return text if isinf(float(short)) else short
