"""Scheduled work of this room."""

from celery import shared_task

from quotas import notices, outcomes


@shared_task(name="quotas.forget")
def forget() -> None:
    """Forget which counts were written, once they cannot come again."""
    outcomes.forget_old()


@shared_task(name="quotas.notify")
def notify() -> None:
    """Raise the notices that are due."""
    notices.raise_due()
