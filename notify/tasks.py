"""Scheduled work of this room."""

from celery import shared_task

from notify import deliveries


@shared_task(name="notify.deliver")
def deliver() -> None:
    """Send what waits."""
    deliveries.deliver()
