"""Recording what was around groups that are new, or have come back: a worker's task, a turn at a time.

Half a minute after the turn, when what happened just afterwards is stored, too. Whoever dies leaves a turn to the next.
"""

import time
from datetime import UTC, datetime, timedelta

import structlog
from django.db import connection

from assist import recording, recordings
from assist.recording_metrics import FAILURES, KEPT, SUCCEEDED_AT
from assist.recording_surroundings import around
from foundation.alone import alone
from issues import sightings, turns
from issues.turns import Turn

log = structlog.get_logger(__name__)

LOCK = "assist.record"
AFTER_SECONDS = 30.0
TURNS_AT_ONCE = 200
#: What cannot be recorded for so long is left.
GIVEN_UP_AFTER = timedelta(hours=1)


def record(*, budget_seconds: float) -> int:
    """Record what is due, the oldest first, until the time is up; return how many recordings were kept.

    One worker's thread at a time: what is stored waits for the others.
    """
    with alone(LOCK) as is_alone:
        return _record_due(budget_seconds) if is_alone else 0


def _record_due(budget_seconds: float) -> int:
    deadline, kept, failed = time.monotonic() + budget_seconds, 0, set[int]()
    for turn in turns.to_record(older_than_seconds=AFTER_SECONDS, limit=TURNS_AT_ONCE):
        if time.monotonic() > deadline:
            break
        if turn.organisation_id in failed:
            continue
        try:
            kept += _record(turn)
        except Exception as error:  # whatever it is, a bug of ours too: others' go on
            _note_failure(turn, error)
            failed.add(turn.organisation_id)
    KEPT.inc(kept)
    if not failed:
        SUCCEEDED_AT.set(time.time())
    return kept


def _record(turn: Turn) -> bool:
    """Record one turn, unless there is nothing to record; tell whether a recording was kept."""
    if recordings.days_kept(turn.organisation_id) is None:
        turns.mark_recorded(turn.id)
        return False
    with recordings.turn_of(turn.organisation_id) as is_ours:
        if not is_ours:
            return False  # another worker's, or erasing's: it comes again
        entry = turns.entry_of(turn)
        release = sightings.release_of(turn.organisation_id, entry) if entry else ""
        if entry is None or recordings.has(turn.group_id, release):
            turns.mark_recorded(turn.id)
            return False
        entries = around(turn.organisation_id, entry)
        if not entries or entries[0].id != entry.id:  # it was erased
            turns.mark_recorded(turn.id)
            return False
        return recordings.keep(turn, entry, release, recording.pack(entries))


def _note_failure(turn: Turn, error: Exception) -> None:
    log.warning("recording_failed", turn=turn.id, error=type(error).__name__, exc_info=error)
    FAILURES.inc()
    if not connection.is_usable():
        connection.close()
    if datetime.now(UTC) - turn.at > GIVEN_UP_AFTER:
        turns.mark_recorded(turn.id)
