"""What log-ins to the admin leave behind and nobody else clears away: sessions, and the records of django-axes."""

from datetime import timedelta
from importlib import import_module

from axes.models import AccessFailureLog, AccessLog
from django.conf import settings
from django.utils import timezone


def forget_old() -> int:
    """Forget sessions that are over and records older than `LOG_IN_RECORD_DAYS`; return how many records."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    before = timezone.now() - timedelta(days=settings.LOG_IN_RECORD_DAYS)
    records = (AccessLog, AccessFailureLog)  # the tries that count for a lock-out are forgotten by axes itself
    return sum(model.objects.filter(attempt_time__lt=before).delete()[0] for model in records)
