"""What workers do for this room. Safe to run twice, or by two workers at once."""

from celery import shared_task

from archive import writing
from storage import archived

WRITE_SECONDS = 240
#: One part takes seconds, or the time in which a bucket that does not answer is given up.
MOST_SECONDS = 1800


@shared_task(name="archive.write", time_limit=MOST_SECONDS)
def write() -> None:
    """Archive days that have closed, if this installation does."""
    if archived.is_on():
        writing.look(budget_seconds=WRITE_SECONDS)
