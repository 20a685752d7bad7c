"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from assist import forgetting, recording_work, recordings

#: Of ten: a worker of one thread stores in the others.
RECORD_SECONDS = 5


@shared_task(name="assist.forget")
def forget() -> None:
    """Forget what the plans keep no longer, and what was sent to a model a month ago."""
    forgetting.sweep()
    recordings.forget_expired()


@shared_task(name="assist.record")
def record() -> None:
    """Record what was around groups that are new, or have come back."""
    recording_work.record(budget_seconds=RECORD_SECONDS)
