"""Whether an event brings a resolved group back. No order of releases is guessed: only when each was seen first. Pure.

What was reported of others: groups that came back with an event of an older release, with one that was sent late, with
a hotfix of an old line, because a release had no semantic version, or an older date.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: What happened so soon after somebody resolved was on its way.
GRACE = timedelta(minutes=10)
_DOTTED = re.compile(r"(.*?)(\d+(?:\.\d+)+)")

NOW, NEXT_RELEASE, RELEASE = "now", "next_release", "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a group was resolved: when, in which release, and the highest releases of each form that were known then.

    `release_seen` is when that release was seen first; None, not yet.
    """

    how: str
    at: datetime
    release: str = ""
    release_seen: datetime | None = None
    highest: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a resolved group; `first_seen` is its release's, and None where nobody knows."""

    happened_at: datetime
    release: str = ""
    first_seen: datetime | None = None


def reopens(resolution: Resolution, event: Event) -> bool:
    """Tell whether the event brings the group back."""
    if not event.release or event.first_seen is None:
        return event.happened_at >= resolution.at + GRACE
    if resolution.how == RELEASE:
        return _is_of_release_or_later(resolution, event, event.first_seen)
    return event.first_seen > resolution.at and not is_lower(event.release, resolution.highest)


def _is_of_release_or_later(resolution: Resolution, event: Event, first_seen: datetime) -> bool:
    if resolution.release_seen is None or first_seen < resolution.release_seen:
        return False
    if event.release == resolution.release:
        return event.happened_at >= resolution.at
    return first_seen > resolution.at and not is_lower(event.release, [*resolution.highest, resolution.release])


def is_lower(release: str, others: Iterable[str]) -> bool:
    """Tell whether dotted numbers of the same form are higher in one of `others`."""
    form, numbers = _read(release)
    return bool(numbers) and any(
        form == other_form and numbers < other for other_form, other in map(_read, others) if other
    )


def highest(releases: Iterable[str], *, most: int = 20) -> list[str]:
    """Return the highest of each form of dotted numbers, of the first forms."""
    found: dict[tuple[str, int], tuple[tuple[int, ...], str]] = {}
    for release in releases:
        form, numbers = _read(release)
        if numbers and (form in found or len(found) < most):
            found[form] = max(found.get(form, ((), "")), (numbers, release))
    return [release for _, release in found.values()]


def _read(release: str) -> tuple[tuple[str, int], tuple[int, ...]]:
    """Return the form of a release, what stands before its numbers and how many there are, and the numbers."""
    found = _DOTTED.fullmatch(release)
    numbers = tuple(int(number) for number in found[2].split(".")) if found and len(release) <= 128 else ()
    return (found[1] if found else "", len(numbers)), numbers
