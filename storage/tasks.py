"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from storage import partitions as daily


@shared_task(name="storage.partitions")
def partitions() -> None:
    """Make the partitions of the days to come."""
    daily.make_ahead()
