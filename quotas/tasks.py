"""Scheduled work of this room."""

from celery import shared_task

from quotas import notices, outcomes


@shared_task(name="quotas.fold_outcomes")
def fold_outcomes() -> None:
    """Move counted refusals from Valkey into the hourly usage."""
    outcomes.fold()


@shared_task(name="quotas.notify")
def notify() -> None:
    """Raise the notices that are due."""
    notices.raise_due()
