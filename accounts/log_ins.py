"""Log-ins to the admin: under which name failures are counted, and what is forgotten of them in time."""

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from axes.models import AccessFailureLog, AccessLog
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

#: The column's length; a longer name would be an error of the database, and an answer 500.
MAX_CHARACTERS = 255


def username_of(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name as it was typed, as far as there is room for it."""
    name = (credentials or {}).get("username") or request.POST.get("username")
    return None if name is None else str(name)[:MAX_CHARACTERS]


def forget_old() -> int:
    """Forget sessions that are over and records older than `LOG_IN_RECORD_DAYS`; return how many records."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    before = timezone.now() - timedelta(days=settings.LOG_IN_RECORD_DAYS)
    records = (AccessLog, AccessFailureLog)  # the tries that count for a lock-out are forgotten by axes itself
    return sum(model.objects.filter(attempt_time__lt=before).delete()[0] for model in records)
