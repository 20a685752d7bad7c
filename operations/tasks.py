"""Scheduled work of this room."""

from celery import shared_task

from operations import presence
from operations.erasures import work

ERASE_SECONDS = 30
#: A day of the log store is looked through in one statement, however large it is.
MOST_SECONDS = 3 * 3600


@shared_task(name="operations.note_beat")
def note_beat() -> None:
    """Note that beat lives: nobody else sends this."""
    presence.note_beat()


@shared_task(name="operations.erase", time_limit=MOST_SECONDS)
def erase() -> None:
    """Go on with erasures that run, a part at a time."""
    work.work(budget_seconds=ERASE_SECONDS)
