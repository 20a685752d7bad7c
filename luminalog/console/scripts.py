"""Pages that load scripts of Django's admin have a looser policy than ours: those write markup."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from foundation import content_security

View = Callable[..., HttpResponseBase]


def with_policy_of_scripts(view: View) -> View:
    """Return `view`, whose pages with media of a ModelAdmin may do what that needs."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if "media" in (getattr(response, "context_data", None) or {}):
            response.headers.setdefault(content_security.HEADER, content_security.OF_DJANGO)
        return response

    return answer
