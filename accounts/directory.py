"""Find the caller behind a key: in this process's memory for some seconds, else with a query for all that are due."""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_network
from sys import intern
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import trust
from accounts.caller import Caller
from accounts.keys import digest, is_well_formed
from accounts.models import ApiKey, Organisation
from accounts.register import Register
from foundation import postgres
from foundation.expiring import Expiring
from foundation.read_ahead import ReadAhead

#: A revocation bites everywhere within 10 s: the age of an entry plus the time its query took. At an edge it was on its
#: way before that.
KNOWN_SECONDS = 3 if settings.CORE_URL else 8
#: A key in use is read again in the last seconds of these, as soon as any other has to be.
AHEAD_SECONDS = 1 if settings.CORE_URL else 3
#: A lifted suspension works again as soon.
UNKNOWN_SECONDS = KNOWN_SECONDS
UNKNOWN_CAPACITY = 20_000
COLUMNS = (
    "organisation_id", "pk", "project_id", "project__slug", "environment", "scopes", "requests_per_minute",
    "invalid_entries", "minimum_level", "expires_at", "allowed_networks", "kind", "allowed_origins", "daily_bytes",
    "keeps_overflow",
)  # fmt: skip


class Directory:
    """The keys this process has seen lately; those in good standing and those that are not kept apart.

    Strangers can therefore fill only the memory of strangers.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, strangers: int = UNKNOWN_CAPACITY) -> None:
        self.clock = clock
        self._known: ReadAhead[bytes, Caller] = ReadAhead(
            _look_up_in_time, most_seconds=KNOWN_SECONDS, ahead_seconds=AHEAD_SECONDS, clock=clock
        )
        self._unknown: Expiring[bytes, bool] = Expiring(capacity=strangers, clock=clock)
        self._register = Register(clock=clock)

    def find(self, key: str, *, may_query: Callable[[], bool]) -> Caller | None:
        """Return the caller whose key is `key`, if that is in good standing.

        `may_query` is asked before a key that this process has not seen lately costs a query; when it says no, only a
        key that the register holds may.
        Raises: `OperationalError` when PostgreSQL is needed and does not answer.
        """
        if not is_well_formed(key):
            return None
        sha256, now = digest(key), self.clock()
        caller = self._known.recall(sha256)
        if caller:
            return caller if not _is_over(caller.expires_at) else None
        if self._unknown.get(sha256) or not (may_query() or self._register.may_hold(sha256)):
            return None
        caller = self._known.read(sha256)
        if caller is None:
            self._unknown.put(sha256, True, until=now + UNKNOWN_SECONDS)
        return caller

    def recall(self, key: str) -> Caller | None:
        """Return the caller whose key this process has seen lately; asks nobody."""
        caller = self._known.recall(digest(key)) if is_well_formed(key) else None
        return caller if caller and not _is_over(caller.expires_at) else None

    def clear(self) -> None:
        """Forget every key."""
        self._known.clear()
        self._unknown.clear()
        self._register.clear()


def look_up(sha256: bytes) -> Caller | None:
    """Query the key in good standing with this hash: neither revoked nor expired, of an active organisation."""
    return _look_up_in_time([sha256]).get(sha256)


def look_up_all(hashes: Collection[bytes]) -> dict[bytes, Caller]:
    """As `look_up`, for many keys at once; on this thread's connection as it is."""
    found = in_good_standing().filter(sha256__in=hashes).values(*COLUMNS, "sha256") if hashes else ()
    return {bytes(one["sha256"]): _caller(one) for one in found}


def _look_up_in_time(hashes: Collection[bytes]) -> dict[bytes, Caller]:
    postgres.discard_if_dead()
    with postgres.answered_in_time():
        if settings.CORE_URL:
            trust.require()
        return look_up_all(hashes)


def in_good_standing() -> QuerySet[ApiKey]:
    """Return the keys that are neither revoked nor expired, of active organisations."""
    return (
        ApiKey.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), revoked_at=None)
        .filter(organisation__status=Organisation.Status.ACTIVE)
        .order_by()
    )


def _caller(found: Mapping[str, Any]) -> Caller:
    return Caller(
        organisation_id=found["organisation_id"],
        api_key_id=found["pk"],
        project_id=found["project_id"],
        project=found["project__slug"],
        environment=intern(found["environment"]),
        scopes=_same(frozenset(found["scopes"])),
        requests_per_minute=found["requests_per_minute"],
        keeps_valid_entries=found["invalid_entries"] == ApiKey.InvalidEntries.LENIENT,
        minimum_level=found["minimum_level"],
        expires_at=found["expires_at"],
        allowed_networks=tuple(ip_network(network) for network in found["allowed_networks"]),
        keeps_overflow=found["keeps_overflow"],
        is_public=found["kind"] == ApiKey.Kind.PUBLIC,
        allowed_origins=tuple(found["allowed_origins"]),
        daily_bytes=found["daily_bytes"],
    )


@lru_cache(maxsize=128)
def _same(scopes: frozenset[str]) -> frozenset[str]:
    """Return one set for all who have these: thousands of keys have the same few."""
    return scopes


def _is_over(moment: datetime | None) -> bool:
    return moment is not None and moment <= timezone.now()


directory = Directory()
