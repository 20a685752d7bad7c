"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from alerts import forgetting, looking


@shared_task(name="alerts.evaluate")
def evaluate() -> None:
    """Look at all rules."""
    looking.look()


@shared_task(name="alerts.forget")
def forget() -> None:
    """Forget old incidents and minutes, and silences that are over."""
    forgetting.sweep()
