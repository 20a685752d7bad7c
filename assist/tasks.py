"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from assist import forgetting


@shared_task(name="assist.forget")
def forget() -> None:
    """Forget evidence and answers that the plans keep no longer, and what was sent to a model a month ago."""
    forgetting.sweep()
