"""What a merge or a split would make, before anybody does it: read behind the wall, and nothing is changed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from foundation import statements
from issues import listing
from issues.asking import asking
from issues.changing import MOST_MERGED
from issues.listing import Summary
from issues.naming import GENERIC
from issues.reading import Made, people_of

MOST_ALIKE = 10
ALIKE = statements.read(__file__, "merge_suggestions")
#: What would be taken out again, to undo a merge: fingerprints are named by the group that they were made with.
HOMES = """
SELECT DISTINCT home.number
  FROM issues_visible_fingerprint AS fingerprint JOIN issues_visible_group AS home ON home.id = home_id
 WHERE group_id = ANY (%s::bigint[]) ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What several fingerprints, or groups, are together; of people nobody twice."""

    events: int
    people: int
    first_received_at: datetime | None
    last_received_at: datetime | None
    fingerprints: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """A group, those that would be merged into it, and what it would be then. `refused` says why not, if so."""

    into: Summary
    others: Sequence[Summary]
    together: Sums
    homes: Sequence[int]
    refused: str

    @property
    def has_other_state(self) -> bool:
        """Whether anything else was decided about one of the others."""
        return any(one.state != self.into.state for one in self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """Fingerprints that would leave for the group that they were made with; `number` is None where that is new."""

    number: int | None
    title: str
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """What would leave a group, by where it goes, and what would stay. `refused` says why not, if so."""

    going: Sequence[Going]
    staying: Sums
    refused: str


def merging(organisation_id: int, number: int, others: Collection[int]) -> Merging | None:
    """Return what a group would be with others merged into it; None if there is no such group."""
    numbers = sorted(set(others))[:MOST_MERGED]
    into = next(iter(listing.some(organisation_id, [number])), None)
    if into is None:
        return None
    found = [one for one in listing.some(organisation_id, numbers) if one.id != into.id]
    every = [into, *found]
    with asking(organisation_id) as cursor:
        people = people_of(cursor, [one.id for one in every]) if found else into.people
        cursor.execute(HOMES, [[one.id for one in found]])
        homes = [home for (home,) in cursor.fetchall()]
    return Merging(
        into=into, others=found, together=_together(every, people=people), homes=homes, refused=_why_not(into, found)
    )


def splitting(organisation_id: int, group: Summary, made: Sequence[Made], keys: Collection[int]) -> Splitting:
    """Return what would leave a group with the fingerprints of `keys`, and what would stay."""
    chosen = [one for one in made if one.key in keys]
    left = [one for one in made if one.key not in keys]
    homes: dict[int, list[Made]] = {}
    for one in chosen:
        homes.setdefault(one.home, []).append(one)
    with asking(organisation_id) as cursor:
        going = [
            Going(
                number=home if home != group.number else None,
                title=ones[0].home_title,
                sums=_sums(ones, people=people_of(cursor, [group.id], of=[one.key for one in ones])),
            )
            for home, ones in sorted(homes.items())
        ]
        staying = replace(
            _sums(left, people=people_of(cursor, [group.id], without=[one.key for one in chosen])),
            events=group.events - sum(one.events for one in chosen),
            fingerprints=max(group.fingerprints - len(chosen), len(left)),  # of very many not all are listed
        )
    refused = "" if chosen and left else "A group keeps one fingerprint at least." if chosen else "Choose fingerprints."
    return Splitting(going=going, staying=staying, refused=refused)


def alike(organisation_id: int, group: Summary, *, limit: int = MOST_ALIKE) -> list[Summary]:
    """Return groups that may be the same error as `group`, the most alike first."""
    asked: dict[str, Any] = {
        "organisation_id": organisation_id,
        "group_id": group.id,
        "project": group.project,
        "type": group.type,
        "is_telling": group.type not in GENERIC,
        "culprit": group.culprit,
        "limit": limit,
    }
    with asking(organisation_id) as cursor:
        cursor.execute(ALIKE, asked)
        numbers = [number for (number,) in cursor.fetchall()]
    found = {one.number: one for one in listing.some(organisation_id, numbers)}
    return [found[number] for number in numbers if number in found]


def _why_not(into: Summary, others: Sequence[Summary]) -> str:
    if not others:
        return "Choose groups to merge."
    strangers = [f"#{one.number}" for one in others if one.project != into.project]
    if strangers:
        return f"Groups of several projects are not merged: {', '.join(strangers)} is not of {into.project}."
    if any(one.is_overflow for one in (into, *others)):
        return "The errors for which there was no room are not merged with others."
    return ""


def _together(groups: Sequence[Summary], *, people: int) -> Sums:
    return Sums(
        events=sum(one.events for one in groups),
        people=people,
        first_received_at=min(one.first_received_at for one in groups),
        last_received_at=max(one.last_received_at for one in groups),
        fingerprints=sum(one.fingerprints for one in groups),
    )


def _sums(made: Sequence[Made], *, people: int) -> Sums:
    return Sums(
        events=sum(one.events for one in made),
        people=people,
        first_received_at=min(_moments(one.first_received_at for one in made), default=None),
        last_received_at=max(_moments(one.last_received_at for one in made), default=None),
        fingerprints=len(made),
    )


def _moments(moments: Iterator[datetime | None]) -> Iterator[datetime]:
    return (one for one in moments if one is not None)
