"""What a rule asks, and what it is asked of: plain values, so that deciding needs no database and no clock.

Moments are whole minutes since 1970, of receipt: by our own clock, whatever clients' clocks say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: A minute in seconds.
MINUTE = 60
#: An incident stays open until what was counted is at most so much of what opened it.
CLOSES_AT_PERCENT = 80
#: A spike is so many times the median of the same window of the last days, of which so many must be known.
SPIKE_TIMES, SPIKE_DAYS, LEAST_SPIKE_DAYS = 3, 7, 3
DAY = 24 * 60
#: What was silent for longer than this has ended, and is not missed.
MISSED_FOR = 7 * DAY


class Kind(StrEnum):
    """What a rule looks for."""

    THRESHOLD = "threshold"
    SEARCH = "search"
    NEW_GROUP = "new_group"
    REGRESSION = "regression"
    WOKEN = "woken"
    ABSENCE = "absence"
    RATIO = "ratio"
    SPIKE = "spike"
    MONITOR = "monitor"
    DIGEST = "digest"
    DRIFT = "drift"


#: Of these no count is looked at: something happens to an error group.
OF_TURNS = (Kind.NEW_GROUP, Kind.REGRESSION, Kind.WOKEN)
#: Of these no count is looked at either: something is found once, and over at once.
OF_MOMENTS = (*OF_TURNS, Kind.DRIFT)
#: Of these no series is looked at.
NOT_COUNTED = (*OF_MOMENTS, Kind.DIGEST)
#: Of these nothing is what is looked for.
OF_SILENCE = (Kind.ABSENCE, Kind.MONITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a rule fires: `count` in `window` minutes; closed once it was quiet for `keep_firing` minutes."""

    kind: Kind
    count: int = 1
    window: int = 5
    ratio_percent: int = 0
    keep_firing: int = 5
    #: Of an absence: only what came in every hour of a week is missed.
    only_steady: bool = False


#: Entries by minute.
Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What was counted, by the value that a rule counts apart (one, "", if it counts nothing apart)."""

    counts: Mapping[str, Counts] = field(default_factory=dict)
    #: Of a ratio: all entries, those that are counted among them.
    whole: Mapping[str, Counts] = field(default_factory=dict)
    #: The first minute that is known of the organisation.
    known_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """An incident as it is decided on: from the minute `opened`, over in `last_over`, until the minute `closed`.

    `peak` is the most that was counted in a window, a percentage, or for how many minutes nothing came.
    """

    value: str
    opened: int
    last_over: int
    closed: int | None = None
    peak: int = 0
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Now: the minute that runs, and the first one of which more may still come."""

    running: int
    known: int
    #: Nothing before this minute is missed: until then it was we who took nothing.
    deaf_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a rule: all before `settled` was looked at for good; its spells that matter since."""

    settled: int
    spells: tuple[Spell, ...] = ()
    #: Of an absence: when each value came last.
    last_seen: Mapping[str, int] = field(default_factory=dict)
    #: Of an absence: the values that came in every hour of the week before they came last.
    steady: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opened:
    """A new incident; one that was seen late may be over already."""

    spell: Spell


@dataclass(frozen=True, slots=True)
class Extended:
    """An open incident began earlier, goes on, or is worse."""

    spell: Spell


@dataclass(frozen=True, slots=True)
class Closed:
    """An open incident is over."""

    spell: Spell


Transition = Opened | Extended | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What follows of a look, in the order of minutes of each value; and what is known then."""

    transitions: tuple[Transition, ...]
    settled: int
    last_seen: Mapping[str, int] = field(default_factory=dict)
