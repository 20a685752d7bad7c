"""The Celery application. Tasks live in each room's `tasks.py`; the schedule is static, in the settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")

app = Celery("luminalog")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
