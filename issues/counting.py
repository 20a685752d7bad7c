"""Counting errors in the transaction that stores their entries, as the last of it: exact, or nothing was stored.

Whatever a drain counts of a fingerprint, it holds that fingerprint for: so do those who merge and split groups.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.db import transaction

from foundation import statements
from foundation.arrays import Texts
from foundation.expiring import Expiring
from foundation.postgres import array_of, execute_prepared, fetch_binary
from issues import metrics, resolving
from issues.fingerprint import Fingerprint
from issues.models import MOST_SAMPLES, OTHERS
from issues.people import MOST_PEOPLE, hash_of
from issues.regression import Event, Resolution, reopens
from issues.sightings import OfBatch, Sighting
from storage.search import FIRST_MOMENT, LAST_MOMENT

#: Pairs of environment and release that are kept apart of a fingerprint's hour.
MOST_PAIRS = 50
MOST_RELEASES, MOST_RELEASES_IN_ALL = 2_000, 10_000
#: The newest samples of a fingerprint that a claim brings.
SAMPLES_AT_ONCE = 5

#: Within limits, and sorted: two drains that bring the same ones do not wait for each other crosswise.
SEE_RELEASES = statements.read(__file__, "see_releases", most_releases=MOST_RELEASES, most_in_all=MOST_RELEASES_IN_ALL)
COUNT = statements.read(__file__, "count", most_samples=MOST_SAMPLES)
COUNT_APART = statements.read(__file__, "count_apart", most_pairs=MOST_PAIRS, most_people=MOST_PEOPLE, others=OTHERS)
FILTERED = """
INSERT INTO issues_filtered AS kept (organisation_id, day, filter, entries)
SELECT * FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::bigint[]) ORDER BY 1, 2, 3
    ON CONFLICT (organisation_id, day, filter) DO UPDATE SET entries = kept.entries + excluded.entries
"""
RESOLUTIONS = """
SELECT resolved.id, resolution, state_at, resolved_in, highest_releases, release.first_seen
  FROM issues_group AS resolved
  LEFT JOIN issues_release AS release
         ON resolution = 'release' AND release.organisation_id = resolved.organisation_id
        AND release.project = resolved.project AND release.release = resolved_in
 WHERE resolved.id = ANY (%s) AND state = 'resolved'
"""
FIRST_SEEN = """
SELECT release.organisation_id, release.project, release.release, first_seen
  FROM issues_release AS release
  JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS asked(organisation_id, project, release)
       USING (organisation_id, project, release)
"""
#: Only what is resolved still, in the order of groups.
REOPEN = statements.read(__file__, "reopen")

Key = tuple[int, int]

#: Releases that this process has noted lately, and need not be told of again.
_noted: Expiring[tuple[int, str, str], bool] = Expiring(capacity=10_000)
NOTED_SECONDS = 600


class Named(NamedTuple):
    """An event of a resolved group: whose, of which project and release, and when it happened."""

    owner: int
    project: str
    release: str
    at: datetime


@dataclass(slots=True)
class _Sum:
    """What is counted of a fingerprint."""

    fingerprint: Fingerprint
    events: int = 0
    level: int = 0
    first_received_at: datetime = LAST_MOMENT
    last_received_at: datetime = FIRST_MOMENT
    first_at: datetime = LAST_MOMENT
    last_at: datetime = FIRST_MOMENT
    entries: list[int] = field(default_factory=list)

    def row(self) -> tuple[Any, ...]:
        """Return it in the order of the statement's columns."""
        self.entries.sort()
        newest = self.entries[: -SAMPLES_AT_ONCE - 1 : -1]
        times = (self.first_received_at, self.last_received_at, self.first_at, self.last_at)
        return (self.events, self.level, *times, self.entries[0], array_of(newest))


class _Counts:
    """What is counted of a claim's batches."""

    def __init__(self, stored: Iterable[tuple[OfBatch, Sequence[int]]]) -> None:
        self.stored = list(stored)
        self.sums: dict[Key, _Sum] = {}
        self.minutes: Counter[tuple[Any, ...]] = Counter()
        self.people: set[tuple[int, int, str, date]] = set()
        self.releases: dict[tuple[int, str, str], datetime] = {}
        self.filtered: Counter[tuple[int, date, str]] = Counter()
        for of_batch, indexes in self.stored:
            self._add(of_batch, indexes)

    def _add(self, of_batch: OfBatch, indexes: Sequence[int]) -> None:
        owner, received_at = of_batch.batch.organisation_id, of_batch.batch.received_at
        day, minute = received_at.astimezone(UTC).date(), received_at.replace(second=0, microsecond=0)
        kept = indexes if isinstance(indexes, range) else frozenset(indexes)
        for index, one in of_batch.sightings.items():
            if index not in kept:
                continue
            key = of_batch.keys.get(index)
            if key is None:
                self.filtered[owner, day, one.filter or ""] += 1
                continue
            self.minutes[owner, key, minute, one.environment, one.release, one.level] += 1
            self._sum(owner, key, one, received_at).entries.append(of_batch.entry_id(index))
            if one.person is not None:
                self.people.add((owner, key, one.person, day))
            if one.release:
                release = (owner, one.fingerprint.project, one.release)
                self.releases[release] = min(self.releases.get(release, received_at), received_at)

    def _sum(self, owner: int, key: int, one: Sighting, received_at: datetime) -> _Sum:
        found = self.sums.get((owner, key))
        if found is None:
            found = self.sums[owner, key] = _Sum(one.fingerprint)
        found.events += 1
        if one.level > found.level:
            found.level = one.level
        if received_at < found.first_received_at:
            found.first_received_at = received_at
        if received_at > found.last_received_at:
            found.last_received_at = received_at
        if one.at < found.first_at:
            found.first_at = one.at
        if one.at > found.last_at:
            found.last_at = one.at
        return found


def count(stored: Iterable[tuple[OfBatch, Sequence[int]]]) -> None:
    """Count the errors of stored entries: those of batches with these indexes.

    In the caller's transaction, at its end. Raises: `DatabaseError`.
    """
    counts = _Counts(stored)
    _count_filtered(counts.filtered)
    if not counts.sums:
        return
    _see_releases(counts.releases)
    added = _count(counts.sums)
    _count_apart(counts, full={key for key, one in added.items() if one.people >= MOST_PEOPLE})
    resolved = {key: one.resolved_group for key, one in added.items() if one.resolved_group is not None}
    if resolved:
        _reopen(counts, resolved)
    _tell(counts.sums)


@dataclass(frozen=True, slots=True)
class _Added:
    """A fingerprint that was added to: how many people it had, and its group, if that is resolved."""

    people: int
    resolved_group: int | None


def _count(sums: dict[Key, _Sum]) -> dict[Key, _Added]:
    """Add to the fingerprints; make those again that were forgotten since they were looked up."""
    added = _add(sums)
    missing = {key: one for key, one in sums.items() if key not in added}
    if missing:
        resolving.make_anew({key: one.fingerprint for key, one in missing.items()})
        added |= _add(missing)
    return added


def _add(sums: dict[Key, _Sum]) -> dict[Key, _Added]:
    rows = fetch_binary(COUNT, columns_of([(*key, *one.row()) for key, one in sums.items()]), prepare=True)
    return {(owner, key): _Added(people, group) for owner, key, people, group in rows}


def _count_apart(counts: _Counts, *, full: Collection[Key]) -> None:
    """Add to minutes, hours and people; of a fingerprint with all that are told apart nobody is added."""
    minutes = [(*key, events) for key, events in counts.minutes.items()]
    people = sorted(
        (owner, key, hash_of(owner, person), day)
        for owner, key, person, day in counts.people
        if (owner, key) not in full
    )
    parameters = {f"minutes_{place}": column for place, column in enumerate(columns_of(minutes, width=7))}
    parameters |= {f"people_{place}": column for place, column in enumerate(columns_of(people, width=4))}
    execute_prepared(COUNT_APART, parameters)


def columns_of(rows: Sequence[Sequence[Any]], *, width: int = 0) -> list[Any]:
    """Return rows as the columns of a statement, each as it is sent soonest."""
    columns = list(zip(*rows, strict=True)) or [()] * width
    return [_sent(column) for column in columns]


def _sent(column: tuple[Any, ...]) -> Any:
    match column[0] if column else None:
        case bool():
            return list(column)
        case int():
            return array_of(column)
        case str():
            return Texts(column)
    return list(column)


def _see_releases(releases: dict[tuple[int, str, str], datetime]) -> None:
    """Note when releases were seen first; of those that this process has noted lately, nobody needs to be told."""
    new = [(*key, first) for key, first in sorted(releases.items()) if _noted.get(key) is None]
    if new:
        execute_prepared(SEE_RELEASES, columns_of(new))
        transaction.on_commit(lambda: _note(new))


def _note(rows: Sequence[tuple[int, str, str, datetime]]) -> None:
    for owner, project, release, _ in rows:
        _noted.put((owner, project, release), True, until=time.monotonic() + NOTED_SECONDS)


def _count_filtered(filtered: Counter[tuple[int, date, str]]) -> None:
    if filtered:
        execute_prepared(FILTERED, columns_of([(*key, entries) for key, entries in sorted(filtered.items())]))
        metrics.FILTERED_ENTRIES.inc(filtered.total())


def _tell(sums: dict[Key, _Sum]) -> None:
    """Count for operators."""
    others = sum(one.events for (_, key), one in sums.items() if key in one.fingerprint.fallbacks)
    metrics.OVERFLOW_ENTRIES.inc(others)
    metrics.GROUPED_ENTRIES.inc(sum(one.events for one in sums.values()) - others)


def _reopen(counts: _Counts, resolved: dict[Key, int]) -> None:
    """Bring back the groups whose events say so; of the others, count what is still seen."""
    of_group: dict[int, list[Named]] = defaultdict(list)
    for of_batch, indexes in counts.stored:
        owner = of_batch.batch.organisation_id
        for index in indexes:
            group = resolved.get((owner, of_batch.keys.get(index, 0)))
            if group is not None:
                one = of_batch.sightings[index]
                of_group[group].append(Named(owner, one.fingerprint.project, one.release, one.at))
    first_seen = _first_seen({one[:3] for some in of_group.values() for one in some if one.release})
    rows = []
    for group, how, at, release, highest, release_seen in fetch_binary(RESOLUTIONS, [sorted(of_group)]):
        resolution = Resolution(how=how, at=at, release=release, release_seen=release_seen, highest=highest)
        events = [
            Event(happened_at=one.at, release=one.release, first_seen=first_seen.get(one[:3]))
            for one in of_group[group]
        ]
        back = next((event for event in events if reopens(resolution, event)), None)
        rows.append((group, back is not None, back.release if back else "", len(events)))
    if rows:
        metrics.REGRESSIONS.inc(execute_prepared(REOPEN, columns_of(sorted(rows))))


def _first_seen(releases: Collection[tuple[int, str, str]]) -> dict[tuple[int, str, str], datetime]:
    if not releases:
        return {}
    rows = fetch_binary(FIRST_SEEN, columns_of(sorted(releases)))
    return {(owner, project, release): seen for owner, project, release, seen in rows}


def forget() -> None:
    """Forget which releases were noted."""
    _noted.clear()
