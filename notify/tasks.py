"""Scheduled work of this room."""

from celery import shared_task

from notify import deliveries, retention


@shared_task(name="notify.deliver")
def deliver() -> None:
    """Send what waits."""
    deliveries.deliver()


@shared_task(name="notify.forget")
def forget() -> None:
    """Delete what the log has kept for long enough."""
    retention.forget_old()
