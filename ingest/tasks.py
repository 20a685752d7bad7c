"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from ingest.spool import drain as spool_drain
from ingest.spool import idempotency


@shared_task(name="ingest.drain")
def drain() -> None:
    """Move what is in the spool into the log store."""
    spool_drain.drain()


@shared_task(name="ingest.forget")
def forget() -> None:
    """Forget idempotency keys past their 24 hours."""
    idempotency.forget_old()
