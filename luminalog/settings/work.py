"""Celery: nudges and schedules, never data."""

from typing import Any

from celery.schedules import crontab

from luminalog.settings.environment import env
from luminalog.settings.stores import CORE_URL, VALKEY_KEY_PREFIX, VALKEY_URL

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=VALKEY_URL)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_DB_REUSE_MAX = 1_000  # else every task connects anew: see luminalog.celery
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "global_keyprefix": VALKEY_KEY_PREFIX + "celery:",
    }
    if CELERY_BROKER_URL.startswith(("redis", "valkey"))
    else {}
)
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "operations.schedule.SteadyScheduler"
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "alerts.evaluate": {"task": "alerts.evaluate", "schedule": 10.0, "options": {"expires": 10}},
    "alerts.forget": {"task": "alerts.forget", "schedule": crontab(minute="53"), "options": {"expires": 900}},
    "archive.write": {"task": "archive.write", "schedule": 300.0, "options": {"expires": 300}},
    "accounts.forget": {"task": "accounts.forget", "schedule": crontab(minute="13"), "options": {"expires": 900}},
    "ingest.drain": {"task": "ingest.drain", "schedule": 1.0, "options": {"expires": 2}},
    "ingest.forget": {"task": "ingest.forget", "schedule": 600.0, "options": {"expires": 600}},
    "notify.deliver": {"task": "notify.deliver", "schedule": 5.0, "options": {"expires": 5}},
    "notify.forget": {"task": "notify.forget", "schedule": crontab(minute="33"), "options": {"expires": 900}},
    "operations.erase": {"task": "operations.erase", "schedule": 10.0, "options": {"expires": 10}},
    "operations.note_beat": {"task": "operations.note_beat", "schedule": 5.0, "options": {"expires": 5}},
    "quotas.forget": {"task": "quotas.forget", "schedule": crontab(minute="43"), "options": {"expires": 900}},
    "quotas.notify": {"task": "quotas.notify", "schedule": 60.0, "options": {"expires": 60}},
    "storage.retention": {"task": "storage.retention", "schedule": 900.0, "options": {"expires": 900}},
    "assist.forget": {"task": "assist.forget", "schedule": crontab(minute="53"), "options": {"expires": 900}},
    "issues.forget": {"task": "issues.forget", "schedule": crontab(minute="23"), "options": {"expires": 900}},
    "assist.record": {"task": "assist.record", "schedule": 10.0, "options": {"expires": 10}},
    "issues.wake": {"task": "issues.wake", "schedule": 60.0, "options": {"expires": 60}},
    "issues.regroup": {"task": "issues.regroup", "schedule": 60.0, "options": {"expires": 60}},
    "storage.roll_up": {"task": "storage.roll_up", "schedule": 300.0, "options": {"expires": 300}},
    # By night (UTC), again and again: one build at a time, and a day that was missed is caught up.
    "storage.index_closed_days": {
        "task": "storage.index_closed_days",
        "schedule": crontab(minute="7,27,47", hour="1-4"),
        "options": {"expires": 900},
    },
    "storage.partitions": {"task": "storage.partitions", "schedule": 900.0, "options": {"expires": 900}},
}
#: What an edge has to do; it stores nothing.
OF_EDGES = (
    "accounts.forget", "ingest.forget", "operations.note_beat", "quotas.forget", "storage.partitions",
)  # fmt: skip
CELERY_BEAT_SCHEDULE["edges.forget"] = {"task": "edges.forget", "schedule": 900.0, "options": {"expires": 900}}
if CORE_URL:
    CELERY_BEAT_SCHEDULE = {name: CELERY_BEAT_SCHEDULE[name] for name in (*OF_EDGES, "edges.forget")}
