"""What happened to groups, for readers that come later: each has a column that says which turns it has seen.

A turn is seen once: whoever marks it does in the same transaction what it is there for.
"""

from dataclasses import dataclass
from datetime import datetime

from foundation.postgres import execute, fetch_all
from issues import sightings
from storage.found import FoundEntry
from storage.store import store

#: The newest entries, of which one has the release that has brought a group back.
LOOKED_AT = 5

#: As a condition: what is to be recorded, and is not yet. turn_not_recorded has no others.
_NOT_RECORDED = "recorded_at IS NULL AND what IN ('new', 'regressed')"
TO_RECORD = f"""
SELECT id, group_id, organisation_id, what, coalesce(details ->> 'release', ''), at
  FROM issues_turn WHERE {_NOT_RECORDED} AND at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s
"""  # noqa: S608 - constants
RECORDED = f"UPDATE issues_turn SET recorded_at = now() WHERE id = %s AND {_NOT_RECORDED}"  # noqa: S608 - constants
#: As one row: for how long the oldest that is not recorded waits.
OLDEST_TO_RECORD = f"""
SELECT coalesce(max(extract(epoch FROM now() - at)), 0)::float8 AS oldest_turn_seconds
  FROM issues_turn WHERE {_NOT_RECORDED}
"""  # noqa: S608 - constants
#: The newest entries, the newest first, and the first ones.
SAMPLES = "SELECT samples, first_sample FROM issues_fingerprint WHERE group_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A group is new, or has come back: with this release, if it was an event of one that told so."""

    id: int
    group_id: int
    organisation_id: int
    what: str
    release: str
    at: datetime


def to_record(*, older_than_seconds: float, limit: int) -> list[Turn]:
    """Return turns that are not recorded yet, the oldest first."""
    rows = fetch_all(TO_RECORD, [older_than_seconds, limit])
    return [
        Turn(id=id_, group_id=group_id, organisation_id=owner, what=what, release=release, at=at)
        for id_, group_id, owner, what, release, at in rows
    ]


def mark_recorded(turn_id: int) -> bool:
    """Say that a turn is recorded; tell whether it was not before. In the caller's transaction."""
    return execute(RECORDED, [turn_id]) == 1


def entry_of(turn: Turn) -> FoundEntry | None:
    """Return the entry that has made a group, or one of those that have brought it back; None if none is kept.

    Raises: `Refusal`, `Unavailable`.
    """
    newest = None
    for entry_id in _entry_ids(turn):
        entry = store().reader.entry(turn.organisation_id, entry_id)
        if entry and (turn.what == "new" or sightings.release_of(turn.organisation_id, entry) == turn.release):
            return entry
        newest = entry or newest
    return newest


def _entry_ids(turn: Turn) -> list[int]:
    """Return the ids of entries in the order in which they are looked at."""
    rows = fetch_all(SAMPLES, [turn.group_id])
    samples = sorted({one for samples, _ in rows for one in samples})
    if turn.what == "regressed":
        return samples[-LOOKED_AT:]
    return [*sorted(first for _, first in rows if first is not None)[:1], *samples[:1]]
