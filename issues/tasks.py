"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from issues import forgetting, notices, regrouping, waking

REGROUP_SECONDS = 30


@shared_task(name="issues.regroup")
def regroup() -> None:
    """Group errors that were stored while grouping failed, or by an older worker."""
    regrouping.regroup(budget_seconds=REGROUP_SECONDS)


@shared_task(name="issues.wake")
def wake() -> None:
    """Wake ignored groups whose time is over, and tell of spikes."""
    waking.wake()
    notices.raise_due()


@shared_task(name="issues.forget")
def forget() -> None:
    """Forget groups that nobody has seen for long, and old numbers."""
    forgetting.forget_unseen()
    forgetting.sweep()
