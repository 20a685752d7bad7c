"""The Celery application. Tasks live in each room's `tasks.py`; the schedule is static, in the settings.

A worker's threads keep their connections to PostgreSQL (`CELERY_DB_REUSE_MAX`); one that is dead, or in doubt after a
failure, is closed here.
"""

import gc
import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, task_failure, task_postrun, task_prerun, worker_init
from django.db import connections

from foundation.postgres import discard_if_dead
from operations.presence import note_worker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
log = structlog.get_logger(__name__)

app = Celery("luminalog")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_postrun.connect(note_worker)


@worker_init.connect
@beat_init.connect
def _keep_what_is_loaded(**_: Any) -> None:
    gc.freeze()  # as `foundation.starting` says


@task_prerun.connect
def _begin_with_a_live_connection(*, task_id: str, task: Any, **_: Any) -> None:
    discard_if_dead()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@task_postrun.connect
def _end_the_context(**_: Any) -> None:
    structlog.contextvars.unbind_contextvars("task", "task_id")


@task_failure.connect
def _end_a_connection_in_doubt(*, exception: BaseException, **_: Any) -> None:
    log.error("task_failed", error=type(exception).__name__, exc_info=exception)
    connections.close_all()
