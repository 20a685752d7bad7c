"""What workers do for this room. Every task is safe to run twice, or by two workers at once."""

from celery import shared_task

from storage import loaded, rollups, unrolled
from storage import retention as plans
from storage.fields import forgetting
from storage.store import DAYS_AHEAD, store

INDEX_SECONDS = 3 * 3600
ROLL_UP_SECONDS = 30


@shared_task(name="storage.partitions")
def partitions() -> None:
    """Make the places of the days to come."""
    store().days.make_ahead(DAYS_AHEAD)


@shared_task(name="storage.retention")
def retention() -> None:
    """Delete what no plan keeps any more, and what was loaded for so long."""
    loaded.forget()
    plans.drop_expired()
    plans.delete_expired()
    rollups.sweep()
    forgetting.sweep()


@shared_task(name="storage.index_closed_days", time_limit=INDEX_SECONDS)
def index_closed_days() -> None:
    """Give a past day the indexes that it lacks; the next run takes the next."""
    store().days.index_closed(limit=1)


@shared_task(name="storage.roll_up")
def roll_up() -> None:
    """Bring batches that older versions have stored into the rollups, a part of them at a time."""
    unrolled.roll_up(budget_seconds=ROLL_UP_SECONDS)
