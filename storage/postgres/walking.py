"""Whether to walk on through entries in the order of time, or to look through everything at once.

Walking visits an entry at a time: it is quick where much is found, or where entries lie in the order of time; in a day
that came in another order each visit is to another page. Nobody knows beforehand, so it is tried, and timed.
"""

from math import ceil

from storage.conditions import Condition, Counted, Document, Either, Equals, Every, Text
from storage.postgres.predicates import MOST_PARTS

#: Entries, so few that they cost next to nothing.
FIRST = 250
#: Enough to know how rare it is; not where nothing was found yet, and an index knows better.
SECOND = 8_000
#: What walking on may be expected to take. To look through a large open day takes longer.
PROMISING_SECONDS = 0.5
#: So much more than is expected is walked, because not everything comes evenly.
MARGIN = 1.3


def entries_ahead(*, walked: int, found: int, wanted: int, seconds: float, is_indexed: bool) -> int | None:
    """Return how many entries to walk next, after `walked` that took `seconds`; None to look through everything.

    `found` of them were among the `wanted`.
    """
    if not walked:
        return FIRST
    if walked < SECOND and (found or not is_indexed):
        return SECOND
    if not found:
        return None
    expected = ceil(MARGIN * walked * (wanted - found) / found)
    return expected if expected * seconds <= walked * PROMISING_SECONDS else None


def is_indexed(condition: Condition) -> bool:
    """Tell whether an index of every day finds what fulfils `condition`."""
    match condition:
        case Every(of):
            return any(map(is_indexed, of))
        case Either(of):
            return all(map(is_indexed, of))
        case Text("trace_id", Equals()) | Counted():
            return True
        case Document("metadata", names, Equals()):
            return bool(names) and all(name.count(".") < MOST_PARTS for name in names)
    return False
