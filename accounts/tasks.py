"""Celery tasks of the accounts."""

from celery import shared_task

from accounts import log_ins


@shared_task(name="accounts.forget")
def forget() -> None:
    """Forget sessions that are over and old records of log-ins."""
    log_ins.forget_old()
