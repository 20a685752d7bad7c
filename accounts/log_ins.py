"""Log-ins to the admin: who is locked out after how many failures, and what is forgotten of them in time.

Failures count by name and subscriber: an IPv4 address, or the /64 of an IPv6 one.
"""

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.addresses import client_address, network_of

#: The column's length; a longer name would be an error of the database, and an answer 500.
MAX_CHARACTERS = 255
#: Failures that lock a subscriber out of a name for `AXES_COOLOFF_TIME`.
FAILURES = 5
#: The same where somebody has logged in under the name before, as the records of `LOG_IN_RECORD_DAYS` tell: who guesses
#: behind the owner's address does not lock the owner out at once, and gets no further than this.
FAILURES_WHERE_KNOWN = 20


class LogInHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts the failures of a whole subscriber, who has 2^64 addresses of IPv6."""

    def filter_user_attempts(
        self, request: HttpRequest, credentials: Mapping[str, Any] | None = None
    ) -> list[QuerySet[AccessAttempt]]:
        """Return the tries that count together with this one."""
        name = username_of(request, credentials)
        return [AccessAttempt.objects.filter(username=name, ip_address__range=_addresses(request))]


def failures_allowed(request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """Return how many failures lock this caller out of the name."""
    name = username_of(request, credentials)
    well = AccessLog.objects.filter(username=name, ip_address__range=_addresses(request))
    return FAILURES_WHERE_KNOWN if well.exists() else FAILURES


def _addresses(request: HttpRequest) -> tuple[str, str]:
    network = network_of(client_address(request))
    return str(network[0]), str(network[-1])


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
