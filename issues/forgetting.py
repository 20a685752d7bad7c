"""What goes by itself: groups that nobody has seen for long, and numbers that nobody reads any more.

A group goes when it was not seen for the plan's retention and 90 days more, unless somebody has commented on it or has
it assigned. Minutes of a group that goes are gone for long: what is proven is never forgotten.
"""

from django.db import transaction

from foundation import statements, sweeping
from foundation.postgres import execute, fetch_all
from foundation.sweeping import some_of
from issues import allowance
from issues.proof import KEPT_DAYS
from quotas.limits import RETENTION

UNSEEN_DAYS = 90
HOURS_KEPT_DAYS = 400
FILTERED_KEPT_DAYS = 400
GROUPS_AT_ONCE = 200
#: Of an organisation, in the one order of locks.
TO_HOLD = {
    "issues_filtered": "day, filter",
    "issues_release": "project, release",
    "issues_fingerprint": "key",
    "issues_group": "id",
}
#: In the order in which they go. Minutes are numbers, by which what retention has dropped is proven: they go by age.
OF_ORGANISATION = (
    "issues_filtered", "issues_release", "issues_person", "issues_hour", "issues_fingerprint", "issues_turn",
    "issues_group", "issues_setting",
)  # fmt: skip

UNSEEN = f"""
SELECT own.organisation_id, own.id
  FROM issues_group AS own JOIN ({RETENTION}) AS plan USING (organisation_id)
 WHERE own.merged_into_id IS NULL AND own.assignee_id IS NULL
   AND own.created_at < now() - make_interval(days => greatest(plan.retention_days + {UNSEEN_DAYS}, {KEPT_DAYS} + 1))
   AND NOT EXISTS (SELECT FROM issues_fingerprint WHERE group_id = own.id
                      AND last_received_at >= now() - make_interval(
                          days => greatest(plan.retention_days + {UNSEEN_DAYS}, {KEPT_DAYS} + 1)))
   AND NOT EXISTS (SELECT FROM issues_turn WHERE group_id = own.id AND what = 'comment')
 ORDER BY own.organisation_id, own.id LIMIT {GROUPS_AT_ONCE}
"""  # noqa: S608 - constants
HOLD_ALLOWANCES = """
SELECT FROM issues_allowance WHERE organisation_id = ANY (%s) ORDER BY organisation_id FOR UPDATE
"""
FORGET = statements.read(__file__, "forget_groups", kept_days=KEPT_DAYS)
#: Groups that nothing is left of: of those that went, and those that were merged into them.
END = """
DELETE FROM issues_group AS gone
 WHERE (id = ANY (%(ids)s) OR merged_into_id = ANY (%(ids)s))
   AND NOT EXISTS (SELECT FROM issues_fingerprint WHERE group_id = gone.id OR home_id = gone.id)
RETURNING id
"""
#: Of those that are gone; foreign keys are looked at when the transaction ends.
TURNS = "DELETE FROM issues_turn WHERE group_id = ANY (%s)"
COUNT_ALIVE = """
UPDATE issues_allowance AS allowance
   SET alive = (SELECT count(*) FROM issues_group WHERE organisation_id = allowance.organisation_id)
 WHERE organisation_id = ANY (%s)
"""
SWEEPS = [
    some_of(table, f"{moment} < (now() AT TIME ZONE 'UTC')::date - {days}")
    for table, moment, days in (
        ("issues_minute", "minute", KEPT_DAYS),
        ("issues_hour", "hour", HOURS_KEPT_DAYS),
        ("issues_filtered", "day", FILTERED_KEPT_DAYS),
    )
]


def forget_unseen() -> int:
    """Forget the groups that nobody has seen for long, in transactions of some; return how many."""
    forgotten = 0
    while gone := _forget_some():
        forgotten += gone
    return forgotten


def sweep() -> None:
    """Delete numbers that are older than they are kept, beside whoever writes."""
    sweeping.sweep(SWEEPS)


@transaction.atomic
def forget_organisation(organisation_id: int) -> int:
    """Delete what is known of an organisation's errors; return how many rows that were."""
    allowance.hold([organisation_id])  # begun if there is none: nobody else makes a group before this is over
    sweeping.hold(organisation_id, TO_HOLD)
    execute("UPDATE issues_group SET merged_into_id = NULL WHERE organisation_id = %s", [organisation_id])
    gone = sweeping.forget(organisation_id, OF_ORGANISATION)
    sweeping.forget(organisation_id, ["issues_allowance"])  # not counted: it may have been begun here
    return gone


def _forget_some() -> int:
    with transaction.atomic():
        organisations = sorted({organisation_id for organisation_id, _ in fetch_all(UNSEEN)})
        if not organisations:
            return 0
        execute(HOLD_ALLOWANCES, [organisations])
        unseen = [(owner, group) for owner, group in fetch_all(UNSEEN) if owner in organisations]  # none was seen since
        ids = {"ids": [group for _, group in unseen]}
        fetch_all(FORGET, ids)
        gone = [group for (group,) in fetch_all(END, ids)]
        execute(TURNS, [gone])
        execute(COUNT_ALIVE, [organisations])
        return len(gone)
