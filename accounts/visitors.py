"""Limits for whoever has no key: pages that anyone may open, and the log-in, by address.

Without Valkey nobody is limited: what is behind these pages does not depend on it (the log-in has its own lock).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponseBase
from django_ratelimit import ALL
from django_ratelimit.core import get_usage
from redis import RedisError

from accounts.addresses import client_network
from foundation.errors import problem
from foundation.refusals import Refusal

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]


def limited(*, group: str, per_minute: int, method: Any = ALL) -> Callable[[View], View]:
    """Let an address make `per_minute` requests with `method` to the views of `group`; answer the others 429."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            seconds = _seconds_to_wait(request, group=group, rate=f"{per_minute}/m", method=method)
            if seconds is None:
                return view(request, *args, **kwargs)
            return problem(Refusal("too_many_requests", retry_after_seconds=seconds), request)

        return answer

    return decorate


def _seconds_to_wait(request: HttpRequest, *, group: str, rate: str, method: Any) -> int | None:
    try:
        usage = get_usage(
            request,
            group=f"visitors.{group}",
            key=lambda _group, request: client_network(request),
            rate=rate,
            method=method,
            increment=True,
        )
    except RedisError as error:
        log.warning("visitors_not_limited", error=type(error).__name__)
        return None
    return max(1, usage["time_left"]) if usage and usage["should_limit"] else None
