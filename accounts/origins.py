"""Whose pages may use public keys (RFC 6454), and what browsers are told of it (Fetch standard, CORS protocol).

Keys come in headers, never in cookies: nothing is allowed with credentials.
"""

import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
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
#: Stands for the list of a key without one.
EVERYBODY = "*"
#: No browser sends a longer one: a host has 253 characters at most (RFC 1035, section 2.3.4).
LONGEST_ORIGIN = 512


def may_be_used_by(caller: Caller, *, origin: str | None) -> bool:
    """Tell whether a page of `origin` may use the caller's key; None is whoever is no browser."""
    allowed = caller.allowed_origins
    return not allowed or (origin is not None and not _names_of(origin).isdisjoint(allowed))


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
    """The origins that any public key in force admits, of some seconds ago. Read when asked for, by one thread.

    Others meanwhile go by what was known before; they wait only where that is nothing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: AbstractSet[str] | None = None
        self._fresh_until = -1.0
        self._reading = Lock()

    def __call__(self, origin: str) -> bool:
        """Tell whether any key admits `origin`; without PostgreSQL, whether one did."""
        if self._clock() >= self._fresh_until and self._reading.acquire(blocking=self._names is None):
            try:
                self._read()
            finally:
                self._reading.release()
        return not (self._names or frozenset()).isdisjoint({EVERYBODY, *_names_of(origin)})

    def clear(self) -> None:
        """Forget them."""
        self._names, self._fresh_until = None, -1.0

    def _read(self) -> None:
        began = self._clock()
        if began < self._fresh_until:  # somebody has, while this thread waited
            return
        names = self._names or frozenset()
        with suppress(DatabaseError, InterfaceError):
            names = _names_in_force()
        self._names, self._fresh_until = names, began + KNOWN_SECONDS


def _names_in_force() -> AbstractSet[str]:
    postgres.discard_if_dead()
    keys = ApiKey.objects.in_force().filter(kind=ApiKey.Kind.PUBLIC, organisation__status=Organisation.Status.ACTIVE)
    with postgres.answered_in_time():
        lists = keys.order_by().values_list("allowed_origins", flat=True).distinct()
        return {name for allowed in lists for name in allowed or [EVERYBODY]}


def _names_of(origin: str) -> AbstractSet[str]:
    """Return what may stand in a list that admits `origin`: itself, and a wildcard for each domain that it is below."""
    if len(origin) > LONGEST_ORIGIN:
        return frozenset()
    scheme, dot, rest = origin.partition("://")
    names = {origin}
    while dot:
        _, dot, rest = rest.partition(".")
        if dot:
            names.add(f"{scheme}://*.{rest}")
    return names


may_share_with = Admitted()
