"""Whose pages may use public keys (RFC 6454), and what browsers are told of it (Fetch standard, CORS protocol).

Keys come in headers, never in cookies: nothing is allowed with credentials.
"""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from threading import Lock

from django.db import DatabaseError, InterfaceError

from accounts.caller import Caller
from accounts.models import ApiKey, Organisation
from foundation import postgres

ASKED_AHEAD = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-encoding, content-type, idempotency-key, prefer, x-api-key",
    "Access-Control-Max-Age": "3600",
}
EXPOSED = "idempotency-replayed, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
#: A page that asks before it sends names no key: a new key's origins are known so late.
KNOWN_SECONDS = 8.0


def may_be_used_by(caller: Caller, *, origin: str | None) -> bool:
    """Tell whether a page of `origin` may use the caller's key; None is whoever is no browser."""
    return not caller.allowed_origins or (origin is not None and _is_among(caller.allowed_origins, origin))


def headers_ahead(origin: str | None) -> Mapping[str, str]:
    """Return what answers a page of `origin` that asks before it sends."""
    allowed = sharing_headers(None, origin=origin)
    return allowed and {**allowed, **ASKED_AHEAD}


def sharing_headers(caller: Caller | None, *, origin: str | None) -> Mapping[str, str]:
    """Return what lets a page of `origin` read an answer to `caller`, or a refusal before anybody knew who calls.

    With a secret key, which belongs in no page, it reads nothing.
    """
    if origin is None or not (may_share_with(origin) if caller is None else caller.is_public):
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}


class Admitted:
    """The origins that any public key in force admits, of some seconds ago. Read when asked for, by one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lists: Collection[tuple[str, ...]] = ()
        self._fresh_until = -1.0
        self._lock = Lock()

    def __call__(self, origin: str) -> bool:
        """Tell whether any key admits `origin`; without PostgreSQL, whether one did."""
        with self._lock:
            if self._clock() >= self._fresh_until:
                self._fresh_until = self._clock() + KNOWN_SECONDS
                with suppress(DatabaseError, InterfaceError):
                    self._lists = _lists()
        return any(not allowed or _is_among(allowed, origin) for allowed in self._lists)

    def clear(self) -> None:
        """Forget them."""
        self._fresh_until = -1.0


def _lists() -> Collection[tuple[str, ...]]:
    postgres.discard_if_dead()
    keys = ApiKey.objects.in_force().filter(kind=ApiKey.Kind.PUBLIC, organisation__status=Organisation.Status.ACTIVE)
    with postgres.answered_in_time():
        return {tuple(allowed) for allowed in keys.order_by().values_list("allowed_origins", flat=True).distinct()}


def _is_among(allowed: Collection[str], origin: str) -> bool:
    return origin in allowed or any(_is_below(pattern, origin) for pattern in allowed)


def _is_below(pattern: str, origin: str) -> bool:
    scheme, is_for_all, domain = pattern.partition("://*.")
    return bool(is_for_all) and origin.startswith(f"{scheme}://") and origin.endswith(f".{domain}")


may_share_with = Admitted()
