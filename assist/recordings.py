"""The recordings that are kept: made once a turn, bounded by organisation, read behind the wall, changed by erasing.

Whoever makes one holds its organisation's turn from before it reads to its commit. Erasing takes that turn once the log
store has nothing more of what goes, and so finds every recording in which it might be.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from msgspec import MsgspecError

from assist import recording
from assist.models import Recording
from assist.recording import Packed
from foundation import sweeping
from foundation.faults import reach
from foundation.postgres import execute, fetch_all
from ingest.spool.payload import PayloadError
from issues import numbers, turns
from issues.asking import asking
from issues.turns import Turn
from quotas.limits import RECORDING
from storage.found import FoundEntry

#: As what was erased, or scrubbed, in them is counted.
NAME = "entries in recordings"
#: Of an organisation; the oldest go.
MOST_BYTES_IN_ALL = 200 * 2**20
ROWS_AT_ONCE, FRAMES_AT_ONCE = 500, 20
_TURN = "hashtextextended('assist.recordings', %s)"
TRY_TURN = f"SELECT pg_try_advisory_lock({_TURN})"
END_TURN = f"SELECT pg_advisory_unlock({_TURN})"
#: For the rest of a transaction.
WAIT_FOR_TURN = f"SELECT pg_advisory_xact_lock({_TURN})"
DAYS = f"SELECT retention_days, recording_days FROM ({RECORDING}) AS plan WHERE organisation_id = %s"  # noqa: S608
KEEP = """
INSERT INTO assist_recording (organisation_id, group_id, turn_id, what, release, at, entry_id, starts_at, ends_at,
                              entries, left_out, size_bytes, frame)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
#: recording_organisation serves it.
MAKE_ROOM = """
DELETE FROM assist_recording WHERE id IN (
       SELECT id FROM (SELECT id, sum(size_bytes) OVER (ORDER BY id DESC) AS with_newer
                         FROM assist_recording WHERE organisation_id = %s) AS summed
        WHERE with_newer > %s)
"""
EXPIRED = f"""
DELETE FROM assist_recording WHERE id IN (
       SELECT recording.id
         FROM assist_recording AS recording JOIN ({RECORDING}) AS plan USING (organisation_id)
        WHERE recording.at < now() - make_interval(days => retention_days + recording_days)
        ORDER BY recording.id LIMIT %s)
"""  # noqa: S608 - constants
COLUMNS = "id, group_id, what, release, at, made_at, entry_id, starts_at, ends_at, entries, left_out, size_bytes"
LIST = f"""
SELECT {COLUMNS} FROM assist_visible_recording
 WHERE organisation_id = %s AND group_id = ANY (%s) AND id < %s ORDER BY id DESC LIMIT %s
"""  # noqa: S608 - constants
ONE = f"""
SELECT {COLUMNS}, frame FROM assist_visible_recording WHERE organisation_id = %s AND group_id = ANY (%s) AND id = %s
"""  # noqa: S608 - constants
FRAMES = (
    "SELECT id, frame FROM assist_visible_recording WHERE organisation_id = %s AND id < %s ORDER BY id DESC LIMIT %s"
)
IDS = "SELECT id FROM assist_recording WHERE organisation_id = %s ORDER BY id"
BEYOND = """
SELECT organisation_id, sum(size_bytes)::bigint FROM assist_recording GROUP BY 1 HAVING sum(size_bytes) > %s ORDER BY 1
"""
#: An id beyond all.
NEWEST_ID = 2**63 - 1

#: What becomes of entries: those that change, by their ids; None for one that goes.
Change = Callable[[Sequence[FoundEntry]], dict[int, FoundEntry | None]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A recording, but for what it holds."""

    id: int
    group_id: int
    what: str
    release: str
    at: datetime
    made_at: datetime
    entry_id: int
    starts_at: datetime
    ends_at: datetime
    entries: int
    left_out: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Page:
    """Recordings, the newest first; `goes_on` when there are older ones."""

    recordings: list[Summary]
    goes_on: bool


@contextmanager
def turn_of(organisation_id: int) -> Iterator[bool]:
    """Hold the turn of an organisation, if nobody else does; tell whether that is so."""
    [(is_ours,)] = fetch_all(TRY_TURN, [organisation_id])
    try:
        yield bool(is_ours)
    finally:
        if is_ours and connection.is_usable():
            fetch_all(END_TURN, [organisation_id])


def take_turn(organisation_id: int) -> None:
    """Take the turn of an organisation until the open transaction ends; wait for whoever makes a recording."""
    execute(WAIT_FOR_TURN, [organisation_id])


def days_kept(organisation_id: int) -> timedelta | None:
    """Return for how long recordings are kept from now on; None where none are made."""
    rows = fetch_all(DAYS, [organisation_id])
    retention, beyond = rows[0] if rows else (0, 0)
    return timedelta(days=retention + beyond) if beyond else None


def has(group_id: int, release: str) -> bool:
    """Tell whether a release of a group is recorded."""
    return Recording.objects.filter(group_id=group_id, release=release).exists()


def keep(turn: Turn, entry: FoundEntry, release: str, packed: Packed) -> bool:
    """Keep a recording, and say of its turn that it is done, both or nothing; tell whether it was kept.

    Whose turn it is must hold `turn_of` since before it read.
    """
    with transaction.atomic():
        if not turns.mark_recorded(turn.id):
            return False
        kept = execute(
            KEEP,
            [
                *(turn.organisation_id, turn.group_id, turn.id, turn.what, release, turn.at, entry.id),
                *_measured(packed),
                packed.frame,
            ],
        )
        execute(MAKE_ROOM, [turn.organisation_id, MOST_BYTES_IN_ALL])
        reach("before_recording_commit")
    return kept == 1


def of_group(organisation_id: int, number: int, *, limit: int, before: int = NEWEST_ID) -> Page | None:
    """Return recordings of a group and of what was merged into it, the newest first; None if there is no such group."""
    group_ids = numbers.ids_of(organisation_id, number)
    if not group_ids:
        return None
    with asking(organisation_id) as cursor:
        cursor.execute(LIST, [organisation_id, list(group_ids), before, limit + 1])
        found = [Summary(*row) for row in cursor.fetchall()]
    return Page(found[:limit], goes_on=len(found) > limit)


def get(organisation_id: int, number: int, recording_id: int) -> tuple[Summary, list[FoundEntry]] | None:
    """Return one recording of a group with its entries; None if there is none."""
    group_ids = list(numbers.ids_of(organisation_id, number))
    with asking(organisation_id) as cursor:
        cursor.execute(ONE, [organisation_id, group_ids, recording_id])
        row = cursor.fetchone()
    return (Summary(*row[:-1]), recording.read(bytes(row[-1]))) if row else None


def count(organisation_id: int, change: Change, *, at_most: int | None = None) -> int:
    """Count the entries of recordings that `change` would change; of the newest so many recordings."""
    counted, before, left = 0, NEWEST_ID, NEWEST_ID if at_most is None else at_most
    while left > 0:
        with asking(organisation_id) as cursor:
            cursor.execute(FRAMES, [organisation_id, before, min(left, FRAMES_AT_ONCE)])
            rows = cursor.fetchall()
        if not rows:
            break
        counted += sum(len(change(recording.read(bytes(frame)))) for _, frame in rows)
        before, left = rows[-1][0], left - len(rows)
    return counted


def rewrite(organisation_id: int, change: Change, *, cut: Callable[[str], str]) -> int:
    """Change what recordings hold, each in a transaction; return how many entries were changed, or went.

    What is left of a release's name is what `cut` leaves. One that nothing is left of goes. May be run again.
    """
    with transaction.atomic():
        take_turn(organisation_id)
        ids = [id_ for (id_,) in fetch_all(IDS, [organisation_id])]
    return sum(_rewrite(id_, change, cut) for id_ in ids)


def forget_expired() -> int:
    """Forget recordings that the plans keep no longer; return how many."""
    return sweeping.sweep([EXPIRED], rows_at_once=ROWS_AT_ONCE)


def beyond_bounds() -> list[tuple[int, int]]:
    """Return the organisations whose recordings take more than they may, with how many bytes those are."""
    return [(owner, size_bytes) for owner, size_bytes in fetch_all(BEYOND, [MOST_BYTES_IN_ALL])]


def _rewrite(recording_id: int, change: Change, cut: Callable[[str], str]) -> int:
    """Change one; what nobody can read goes: nobody can tell what it holds."""
    with transaction.atomic():
        row = Recording.objects.select_for_update().filter(pk=recording_id).first()
        if row is None:
            return 0
        try:
            before = recording.read(bytes(row.frame))
        except (PayloadError, MsgspecError):
            row.delete()
            return 0
        changed = change(before)
        release = cut(row.release)
        after = [one for entry in before if (one := changed.get(entry.id, entry)) is not None]
        if not after or (release != row.release and has(row.group_id, release)):
            row.delete()
        elif changed or release != row.release:
            _replace(row, recording.pack(recording.ranked(after, row.entry_id)), release=release)
        return len(changed)


def _replace(row: Recording, packed: Packed, *, release: str) -> None:
    starts_at, ends_at, entries, left_out, size_bytes = _measured(packed)
    Recording.objects.filter(pk=row.pk).update(
        starts_at=starts_at,
        ends_at=ends_at,
        entries=entries,
        left_out=row.left_out + left_out,
        size_bytes=size_bytes,
        frame=packed.frame,
        release=release,
    )


def _measured(packed: Packed) -> tuple[datetime, datetime, int, int, int]:
    """Return what is said of a frame, in the order of the table's columns."""
    first, last = packed.entries[0], packed.entries[-1]
    return first.timestamp, last.timestamp, len(packed.entries), packed.left_out, len(packed.frame)
