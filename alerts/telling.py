"""Whether people are told of an incident, and how: pure. Nobody is told twice, or of what changes all the time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Told = Literal["told", "silenced", "cooled", "flapping", "flaps_on"]
#: So many incidents of one value within an hour, and it flaps; until it was quiet for an hour.
FLAPS_FROM = 4
FLAPS_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier incident of the same rule and value."""

    opened_at: datetime
    closed_at: datetime | None
    told: str
    has_stopped_flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of an incident's place; what is not is empty."""

    rule_id: int
    project: str = ""
    environment: str = ""
    group: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A silence in force; what is empty fits all."""

    rule_id: int | None = None
    project: str = ""
    environment: str = ""
    group: int | None = None

    def covers(self, place: Place) -> bool:
        """Tell whether all that the silence says is so of `place`."""
        return (
            self.rule_id in (None, place.rule_id)
            and self.project in ("", place.project)
            and self.environment in ("", place.environment)
            and self.group in (None, place.group)
        )


def place_of(*, rule_id: int, project: str, environment: str, group_by: str, value: str) -> Place:
    """Return an incident's place: what its rule is bound to, and what its value is."""
    return Place(
        rule_id=rule_id,
        project=value if group_by == "project" else project,
        environment=value if group_by == "environment" else environment,
        group=int(value) if group_by == "group" and value.isdecimal() else None,
    )


def told(
    place: Place, past: Sequence[Past], silences: Iterable[Quiet], *, opened_at: datetime, cooldown: timedelta
) -> Told:
    """Return what becomes of a new incident's message; `past` are those before it, the newest first."""
    if _flaps(past, opened_at):
        goes_on = past[0].told in ("flapping", "flaps_on") and not past[0].has_stopped_flapping
        if goes_on:
            return "flaps_on"
        return "silenced" if any(one.covers(place) for one in silences) else "flapping"
    if any(one.covers(place) for one in silences):
        return "silenced"
    last = next((one.opened_at for one in past if one.told == "told"), None)
    if cooldown and last is not None and opened_at - last < cooldown:
        return "cooled"
    return "told"


def _flaps(past: Sequence[Past], opened_at: datetime) -> bool:
    """Tell whether an incident is one of many, or follows within an hour on one that was."""
    if not past:
        return False
    last = past[0]
    if last.told in ("flapping", "flaps_on") and not last.has_stopped_flapping:
        return opened_at - (last.closed_at or last.opened_at) < FLAPS_WITHIN
    lately = [one for one in past if opened_at - one.opened_at < FLAPS_WITHIN]
    return len(lately) >= FLAPS_FROM - 1
