"""What goes: with entries that are erased or scrubbed, with the plan's retention, and by age.

Evidence and answers are made of entries and can be made again: whatever is erased of an organisation, all of them go.
"""

from django.db import transaction

from assist import recordings, snapshots
from foundation import sweeping
from foundation.postgres import execute, fetch_all
from foundation.sweeping import some_of
from quotas.limits import RETENTION

#: The exact text of a question is kept for so long, whatever a plan keeps: somebody may have to answer for it.
CALLS_KEPT_DAYS = 30
SPENDING_KEPT_MONTHS = 13
ROWS_AT_ONCE = 1_000

MADE_OF_ENTRIES = ("assist_snapshot", "assist_answer")
BEYOND_RETENTION = [
    f"""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
       SELECT made.ctid FROM {table} AS made JOIN ({RETENTION}) AS plan USING (organisation_id)
        WHERE made.oldest_at < now() - make_interval(days => plan.retention_days) LIMIT %s
          FOR UPDATE OF made SKIP LOCKED))
"""  # noqa: S608 - constants
    for table in MADE_OF_ENTRIES
]
OLD = [
    some_of("assist_call", f"at < now() - make_interval(days => {CALLS_KEPT_DAYS})"),
    some_of("assist_spending", f"period < now() - make_interval(months => {SPENDING_KEPT_MONTHS})"),
]
EMPTY_CALLS = "UPDATE assist_call SET sent = '' WHERE organisation_id = %s AND sent <> ''"
VERDICTS = """
DELETE FROM assist_verdict WHERE answer_id IN (SELECT id FROM assist_answer WHERE organisation_id = %s)
"""
OF_ORGANISATION = ("assist_recording", *MADE_OF_ENTRIES, "assist_call", "assist_spending", "assist_setting")
COUNT = """
SELECT (SELECT count(*) FROM assist_snapshot WHERE organisation_id = %s)
     + (SELECT count(*) FROM assist_answer WHERE organisation_id = %s)
     + (SELECT count(*) FROM assist_call WHERE organisation_id = %s AND sent <> '')
"""


def forget(organisation_id: int) -> int:
    """Forget all that was made of an organisation's entries, and what was sent of them; return how many rows that were.

    Whoever gathers evidence meanwhile keeps nothing of it.
    """
    with transaction.atomic():
        snapshots.note_forgotten(organisation_id)
        gone = execute(EMPTY_CALLS, [organisation_id])
        for table in MADE_OF_ENTRIES:
            gone += execute(f"DELETE FROM {table} WHERE organisation_id = %s", [organisation_id])  # noqa: S608
    return gone


def count(organisation_id: int) -> int:
    """Count what `forget` would."""
    [(rows,)] = fetch_all(COUNT, [organisation_id] * 3)
    return int(rows)


def sweep() -> None:
    """Delete what is older than it is kept, beside whoever writes."""
    sweeping.sweep([*BEYOND_RETENTION, *OLD], rows_at_once=ROWS_AT_ONCE)


@transaction.atomic
def forget_organisation(organisation_id: int) -> int:
    """Delete everything that was made or kept to explain an organisation's errors; return how many rows that were.

    What says since when nothing is kept stays, for whoever has read before.
    """
    recordings.take_turn(organisation_id)
    snapshots.note_forgotten(organisation_id)
    return execute(VERDICTS, [organisation_id]) + sweeping.forget(organisation_id, OF_ORGANISATION)
