"""The request limits of an API view: an organisation's, and below it the API key's own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.caller import Caller
from foundation import valkey
from foundation.errors import as_refusal
from foundation.refusals import Refusal
from quotas import outcomes, shares
from quotas.buckets import TOKEN, BucketLevel, Hierarchy, Shared, Verdict
from quotas.limiter import limiter
from quotas.limits import Limits, limits_for, remembered
from quotas.metrics import RATE_LIMITED
from quotas.overflow import capacity_behind

#: Limits older than this are read again before a request is refused: a raise acts at once, a wrong 429 loses logs.
MAX_AGE_OF_A_REFUSAL_SECONDS = 1.0
OWNERS = {"organisation": "This organisation", "api_key": "This API key", "address": "Your address"}
#: What one address may send with a public key: whoever abuses one is told, and nobody else.
PER_MINUTE_OF_AN_ADDRESS = 60
#: Of which edges have shares: nobody reads there.
SHARED_AREA = "ingest"


class TokenBucketThrottle(BaseThrottle):
    """Takes one token, or `cost` thousandths of one, at every level; or refuses with 429 and takes none.

    Buckets that have been asked already, with `verdict`, are not asked again. With `overflow` what is beyond a limit
    may be deferred instead. Raises: `Refusal`.
    """

    def __init__(self, verdict: Verdict | None = None, *, cost: int = TOKEN, overflow: bool = False) -> None:
        self._verdict = verdict
        self._cost = cost
        self._overflow = overflow

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Let the request through, or raise; a request without a caller is somebody else's to limit."""
        caller = request.user
        if not isinstance(caller, Caller):
            return True
        take_token(
            request._request,
            caller,
            area=area_of(view),
            verdict=self._verdict,
            cost=self._cost,
            overflow=self._overflow,
        )
        return True


class Limited:
    """Mix into an API view before `APIView`: it is throttled, counts its refusals, and always says what is left."""

    throttle_classes: Sequence[type[BaseThrottle]] = [TokenBucketThrottle]

    def handle_exception(self, exception: Exception) -> Any:
        """Count the refusal of a known caller, and answer it."""
        error = as_refusal(exception)
        caller = getattr(self.request, "_user", None)  # type: ignore[attr-defined]  # `user` would authenticate again
        if isinstance(caller, Caller):
            outcomes.note(caller, error.code)
        return super().handle_exception(error)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        """Add the headers, to errors as well."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        for name, value in rate_limit_headers(request, area=area_of(self)).items():
            response.headers[name] = value
        return response


def take_token(
    request: HttpRequest,
    caller: Caller,
    *,
    area: str,
    verdict: Verdict | None = None,
    cost: int = TOKEN,
    overflow: bool = False,
) -> None:
    """Take a token, or `cost`, of every level for `request`, which then knows what is left. Raises: `Refusal`."""
    verdict = decide(caller, area=area, verdict=verdict, cost=cost, overflow=overflow)
    request.rate_limit = verdict  # type: ignore[attr-defined]
    _require(verdict)


def take(caller: Caller, *, area: str, cost: int) -> None:
    """Take `cost` of every level for what comes by no request. Raises: `Refusal`."""
    _require(decide(caller, area=area, cost=cost))


def give_back(caller: Caller, *, area: str, paid: int) -> None:
    """Give back what was paid for something that was refused later."""
    limiter.settle(levels_of(caller, limits_for(caller.organisation_id), area=area), cost=-paid, paid=paid)


def _require(verdict: Verdict) -> None:
    if not verdict.allowed:
        RATE_LIMITED.labels(scope=verdict.level.scope).inc()
        raise refusal(verdict)


def settle(request: HttpRequest, caller: Caller, *, area: str, paid: int, cost: int) -> None:
    """Take what `request` costs beyond what was `paid`, into debt, or give it back; both in thousandths of a token."""
    if cost != paid:
        levels = levels_of(caller, limits_for(caller.organisation_id), area=area)
        request.rate_limit = limiter.settle(levels, cost=cost - paid, paid=paid)  # type: ignore[attr-defined]


def rate_limit_headers(request: Request | HttpRequest, *, area: str = "ingest") -> dict[str, str]:
    """Return `X-RateLimit-*` of the tightest level; nothing for a request without a caller."""
    verdict = getattr(request, "rate_limit", None)
    if verdict is None:
        caller = getattr(request, "_user", None)  # not `user`: that would authenticate again, and fail again
        verdict = peek(caller, area=area) if isinstance(caller, Caller) else None
    return {} if verdict is None else headers_of(verdict)


def headers_of(verdict: Verdict) -> dict[str, str]:
    """Return `X-RateLimit-*`."""
    return {
        "X-RateLimit-Limit": str(verdict.level.capacity),
        "X-RateLimit-Remaining": str(verdict.remaining),
        "X-RateLimit-Reset": str(verdict.full_at),
    }


def decide(
    caller: Caller, *, area: str, verdict: Verdict | None = None, cost: int = TOKEN, overflow: bool = False
) -> Verdict:
    """Take a token of every level for a request of `caller`; `verdict`, if any, is what a first try came to.

    At an edge, whoever finds none in its shares asks the core. Raises: `Refusal` if that is not there.
    """
    at_edge = _is_shared(area)
    if verdict is None:
        levels = levels_of(caller, limits_for(caller.organisation_id), area=area, overflow=overflow and not at_edge)
        verdict = limiter.take(levels, cost=cost)
    if at_edge and not verdict.allowed:
        verdict = _taken_at_an_edge(caller, cost=cost, overflow=overflow)
    if not verdict.allowed:
        limits = limits_for(caller.organisation_id, max_age_seconds=MAX_AGE_OF_A_REFUSAL_SECONDS)
        if verdict.level not in (current := levels_of(caller, limits, area=area, overflow=overflow)):
            return limiter.take(current, cost=cost)
    return verdict


def _taken_at_an_edge(caller: Caller, *, cost: int, overflow: bool) -> Verdict:
    """Take what the core lends; what it has no tokens for may go by the overflow lane, which is this edge's own."""
    limits = limits_for(caller.organisation_id)
    verdict = shares.take(levels_of(caller, limits, area=SHARED_AREA), cost=cost)
    if verdict.allowed or not overflow:
        return verdict
    return limiter.take(levels_of(caller, limits, area=SHARED_AREA, overflow=True), cost=cost)


def refused_for_sure(caller: Caller, verdict: Verdict, *, area: str) -> Refusal | None:
    """Return the refusal that a `verdict` comes to, counted; None if the limits would have to be read again for it."""
    if verdict.level.share_of and not shares.is_known_empty(verdict.level):
        return None
    limits = remembered(caller.organisation_id, max_age_seconds=MAX_AGE_OF_A_REFUSAL_SECONDS)
    overflow = verdict.level.capacity_behind > 0
    if limits is None or verdict.level not in levels_of(caller, limits, area=area, overflow=overflow):
        return None
    RATE_LIMITED.labels(scope=verdict.level.scope).inc()
    return refusal(verdict)


def remembered_hierarchy(caller: Caller, *, area: str, overflow: bool = False) -> Hierarchy | None:
    """Return a caller's buckets as far as this process remembers the limits; asks nobody.

    Of shares without those behind: what is missing there may be at the core.
    """
    limits = remembered(caller.organisation_id)
    overflow = overflow and not _is_shared(area)
    return tuple(levels_of(caller, limits, area=area, overflow=overflow)) if limits else None


def peek(caller: Caller, *, area: str) -> Verdict | None:
    """Return the state of the tightest level without taking anything; nothing when it cannot be known."""
    try:
        limits = limits_for(caller.organisation_id)
    except (DatabaseError, LookupError):
        return None
    return limiter.take(levels_of(caller, limits, area=area), cost=0)


def levels_of(caller: Caller, limits: Limits, *, area: str, overflow: bool = False) -> list[BucketLevel]:
    """Return the hierarchy of a caller's buckets in one area (`ingest`, `read`), widest first.

    With `overflow` each has another behind it, but for an address's: that one is for strangers.
    """
    levels = [organisation_level(caller.organisation_id, limits, area=area, overflow=overflow)]
    if caller.requests_per_minute:
        own = Shared(caller.organisation_id, caller.api_key_id)
        levels.append(api_key_level(own, per_minute=caller.requests_per_minute, area=area, overflow=overflow))
    if caller.network:
        key = valkey.key("bucket", _tag(caller.organisation_id), area, caller.api_key_id, caller.network)
        levels.append(_level("address", key, per_minute=PER_MINUTE_OF_AN_ADDRESS, overflow=False))
    return levels


def organisation_level(organisation_id: int, limits: Limits, *, area: str, overflow: bool = False) -> BucketLevel:
    """Return an organisation's bucket."""
    own = Shared(organisation_id)
    return _level(
        "organisation",
        shares.key_of(own) if _is_shared(area) else valkey.key("bucket", _tag(organisation_id), area),
        per_minute=limits.requests_per_minute,
        capacity=limits.burst,
        overflow=overflow,
        share_of=own if _is_shared(area) else None,
    )


def api_key_level(own: Shared, *, per_minute: int, area: str, overflow: bool = False) -> BucketLevel:
    """Return the bucket of an API key's own limit."""
    is_shared = _is_shared(area)
    key = shares.key_of(own) if is_shared else valkey.key("bucket", _tag(own.organisation_id), area, own.api_key_id)
    return _level("api_key", key, per_minute=per_minute, overflow=overflow, share_of=own if is_shared else None)


def _level(
    scope: str,
    key: str,
    *,
    per_minute: int,
    capacity: int | None = None,
    overflow: bool,
    share_of: Shared | None = None,
) -> BucketLevel:
    """Return a bucket of a minute's worth, or of `capacity`."""
    capacity = per_minute if capacity is None else capacity
    behind = capacity_behind(capacity, per_minute=per_minute) if overflow else 0
    return BucketLevel(
        scope=scope, key=key, per_minute=per_minute, capacity=capacity, capacity_behind=behind, share_of=share_of
    )


def _tag(organisation_id: int) -> str:
    """Return the part of a key that puts all levels of an organisation on one cluster node."""
    return f"{{{organisation_id}}}"


def _is_shared(area: str) -> bool:
    """Tell whether tokens are the core's, and lent here: at an edge those of whoever sends."""
    return bool(settings.CORE_URL) and area == SHARED_AREA


def area_of(view: object) -> str:
    """Return the name of the buckets that a view takes from."""
    area: str = getattr(view, "throttle_scope_name", "ingest")
    return area


def refusal(verdict: Verdict) -> Refusal:
    """Return the 429 that says whose limit it is, how large, and when to come again."""
    level = verdict.level
    return Refusal(
        "too_many_requests" if level.scope == "address" else "rate_limited",
        f"{OWNERS[level.scope]} may send {level.per_minute} requests a minute.",
        retry_after_seconds=max(1, verdict.retry_after_seconds),
        members={
            "scope": level.scope,
            "limit": level.capacity,
            "resets_at": datetime.fromtimestamp(verdict.full_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )
