"""Scheduled work of this room, and of the tables below that only edges fill."""

from celery import shared_task

from ingest.spool import forgotten
from quotas import borrowed, lending, reports


@shared_task(name="edges.forget")
def forget() -> None:
    """Forget what core and edge have both known for long."""
    forgotten.clear()
    borrowed.forget()
    lending.forget()
    reports.forget()
