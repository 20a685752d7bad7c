"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from issues import regrouping

REGROUP_SECONDS = 30


@shared_task(name="issues.regroup")
def regroup() -> None:
    """Group errors that were stored while grouping failed, or by an older worker."""
    regrouping.regroup(budget_seconds=REGROUP_SECONDS)
