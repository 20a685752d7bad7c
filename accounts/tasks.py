"""Celery tasks of the accounts."""

from celery import shared_task

from accounts import log_ins
from accounts.last_use import last_use
from accounts.plain_http import plain_http


@shared_task(name="accounts.note_last_use")
def note_last_use() -> None:
    """Keep what the web processes have handed over about the keys they saw."""
    last_use.keep()
    plain_http.mark()


@shared_task(name="accounts.forget")
def forget() -> None:
    """Forget sessions that are over and old records of log-ins."""
    log_ins.forget_old()
