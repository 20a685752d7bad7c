"""Scheduled work of this room."""

from celery import shared_task

from operations import presence


@shared_task(name="operations.note_beat")
def note_beat() -> None:
    """Note that beat lives: nobody else sends this."""
    presence.note_beat()
