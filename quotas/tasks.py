"""Scheduled work of this room."""

from celery import shared_task

from quotas import outcomes


@shared_task(name="quotas.fold_outcomes")
def fold_outcomes() -> None:
    """Move counted refusals from Valkey into the hourly usage."""
    outcomes.fold()
