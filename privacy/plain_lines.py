"""An entry whose JSON shows all that there is to find, scrubbed as it is: half the price of decoding it. Pure.

What it leaves is vouched for as any clean entry is, by the finder's hint, and proven to be JSON. In doubt it says so.
"""

from msgspec import DecodeError, json

from privacy.changing import Change, Orders
from privacy.detectors import NAMED_SECRET
from privacy.effort import Effort
from privacy.gathering import UNTOUCHED
from privacy.rules import Action

#: Of a longer line decoding is the lesser part.
MOST_BYTES = 8_192
#: These may go beyond a text of JSON.
_LONGER = frozenset({NAMED_SECRET, "private_key"})
_ACTIONS = (Action.MASK, Action.HASH)
#: A number of JSON follows one of these.
_BEFORE_NUMBERS = b":,["
_decode = json.Decoder().decode


def scrub_plain(line: bytes, orders: Orders, effort: Effort) -> tuple[bytes, list[Change]] | None:
    """Return the scrubbed entry and what was found in it; None when it takes a closer look. Raises: `TooMuch`."""
    finder = orders.finder
    if len(line) > MOST_BYTES:
        return None
    pieces: list[bytes] = []
    changes: list[Change] = []
    at = 0
    finds = finder.finds(
        line, limit_at=lambda _: len(line), name_at=lambda place: _field_at(line, place), effort=effort
    )
    for find in finds:
        action, name = orders.actions.get(find.detector), _field_at(line, find.start)
        if action not in _ACTIONS or find.detector in _LONGER or not name or name in UNTOUCHED:
            return None
        if _may_be_number(line, find.start):
            return None
        pieces += [line[at : find.start], orders.rules.replacement(find.detector, action, find.plain).encode()]
        changes.append(Change((name,), find.detector, action, True))
        at = find.end
    scrubbed = b"".join([*pieces, line[at:]])
    if not changes or finder.hint.fits(scrubbed):
        return None
    try:
        _decode(scrubbed)
    except DecodeError:
        return None
    return scrubbed, changes


def _field_at(line: bytes, place: int) -> str:
    """Return the name of the field whose text holds a place, if no quote before it leaves doubt; else an empty one."""
    colon = line.rfind(b'":"', 0, place)
    if colon < 0 or line.find(b'"', colon + 3, place) >= 0:
        return ""
    return line[line.rfind(b'"', 0, colon) + 1 : colon].decode(errors="replace")


def _may_be_number(line: bytes, place: int) -> bool:
    return line[place - 1] in _BEFORE_NUMBERS and line[place : place + 1].isdigit()
