"""Values in the admin's addresses that no query takes: refused like any other bad request.

Django hands them to the database, in filters, searches and actions: a NUL, a broken regular expression, two of ten ends
of a range, a year that there is not.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.core.exceptions import BadRequest
from django.db import DatabaseError, DataError
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from foundation.outages import is_outage

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]

#: What making a query of such values may raise, besides what the database says.
RAISED = (ValueError, TypeError, IndexError, OverflowError)


def refusing_odd_values(view: View) -> View:
    """Return `view`, answering 400 where it fails for the values that it was given; without any it fails as ever."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return _rendered(view(request, *args, **kwargs))
        except (DatabaseError, *RAISED) as error:
            if not _is_for_the_values(request, error):
                raise
            log.error("admin_address_refused", error=type(error).__name__, exc_info=error)
            raise BadRequest from error

    return answer


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Render now: rows are read as the page is written."""
    return response.render() if isinstance(response, SimpleTemplateResponse) else response


def _is_for_the_values(request: HttpRequest, error: Exception) -> bool:
    if isinstance(error, DataError):
        return True
    if isinstance(error, DatabaseError) and is_outage(error):
        return False
    return bool(request.META.get("QUERY_STRING") or request.POST)
