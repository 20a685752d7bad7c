"""The Celery application. Tasks live in each room's `tasks.py`; the schedule is static, in the settings.

A worker's threads keep their connections to PostgreSQL (`CELERY_DB_REUSE_MAX`); one that is dead, or in doubt after a
failure, is closed here.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import task_failure, task_postrun, task_prerun
from django.db import connections

from luminalog.postgres import discard_if_dead
from luminalog.presence import note_beat, note_worker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")

app = Celery("luminalog")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_postrun.connect(note_worker)
task_postrun.connect(note_beat)


@task_prerun.connect
def _begin_with_a_live_connection(**_: Any) -> None:
    discard_if_dead()


@task_failure.connect
def _end_a_connection_in_doubt(**_: Any) -> None:
    connections.close_all()
