"""Counts every answer: by route, method, outcome and the reason of a refusal. No label holds what a client chose."""

import re
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

log = structlog.get_logger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "luminalog_requests",
    "Answers by route, method, outcome (ok, refused, failed) and code: of the problem, or else the HTTP status.",
    ["route", "method", "outcome", "code"],
)
SECONDS = Histogram(
    "luminalog_request_duration_seconds",
    "From the first byte in the application to the head of the answer, by route, method and outcome.",
    ["route", "method", "outcome"],
    buckets=BUCKETS,
)

_CAPTURED = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(\w+)>")
_PUNCTUATION = re.compile(r"[\^$]|/\?\\Z|\\Z")


class TrafficMiddleware:
    """Count the answer and its time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        code = getattr(response, "code", None) or response.status_code
        count(_route(request), method, response.status_code, code=code, began=began)
        return response


def count(route: str, method: str, status: int, *, code: str | int, began: float) -> None:
    """Count an answer to a request that began at this reading of `time.perf_counter`."""
    seconds = time.perf_counter() - began
    answers, times = _series(route, method, _outcome(status), code)
    answers.inc()
    times.observe(seconds)
    if settings.ACCESS_LOG:
        log.info("answered", route=route, method=method, status=status, code=code, seconds=seconds)


@lru_cache(maxsize=1024)
def _series(route: str, method: str, outcome: str, code: str | int) -> tuple[Counter, Histogram]:
    """Return the series of these labels: finding them each time would cost more than counting."""
    return REQUESTS.labels(route, method, outcome, code), SECONDS.labels(route, method, outcome)


def _outcome(status: int) -> str:
    return "ok" if status < 400 else "refused" if status < 500 else "failed"


def _route(request: HttpRequest) -> str:
    """Return the address as its pattern, one of a closed list; pages of the admin are one, as are unknown addresses."""
    match = request.resolver_match
    if match is None:
        return "unresolved"
    return "/admin" if match.route.startswith("admin/") else readable(match.route)


@lru_cache(maxsize=256)
def readable(route: str) -> str:
    """Return a URL pattern as one reads it: `^logs/(?P<entry_id>[0-9]+)\\Z` is `/logs/{entry_id}`."""
    named = _CAPTURED.sub(lambda found: "{" + (found[1] or found[2]) + "}", route)
    return "/" + _PUNCTUATION.sub("", named)
