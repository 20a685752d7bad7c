"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from storage import partitions as daily
from storage import retention as plans


@shared_task(name="storage.partitions")
def partitions() -> None:
    """Make the partitions of the days to come."""
    daily.make_ahead()


@shared_task(name="storage.retention")
def retention() -> None:
    """Delete what no plan keeps any more."""
    plans.drop_expired()
    plans.delete_expired()
