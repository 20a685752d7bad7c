"""At an edge: tokens of request limits are lent by the core, taken here, and given back when nobody uses them.

A share is kept in Valkey (`bucket.lua`), as totals that only grow. It is lent for some seconds, counted from when the
core was asked; then it is void, and an edge that is cut off goes on at the rate at which it was last used.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import redis
import structlog
from msgspec import MsgspecError, Struct, json

from foundation import valkey
from foundation.core_link import CoreLink, LinkError
from foundation.expiring import Expiring
from foundation.refusals import Refusal
from quotas import installation
from quotas.buckets import TOKEN, BucketLevel, Shared, Verdict
from quotas.limiter import limiter
from quotas.metrics import SHARES_ASKED, SHARES_AWAY, SHARES_HELD, SHARES_SECONDS
from quotas.scripts import script

log = structlog.get_logger(__name__)

PATH = "/v1/edge/shares"
#: For so long a share is lent, by this edge's clock, from when the core was asked: the core waits longer for it.
LENT_SECONDS = 15.0
#: So much of what is used is held ahead.
DEMAND_SECONDS = 10.0
#: What is asked for beyond a request, where nobody knows what will be used: thousandths of a token.
FIRST_DEMAND = 16 * TOKEN
#: Whoever has spent that within so long asks for twice as much, up to this: the core gives a part of the rest at most.
AGAIN_SECONDS = 1.0
MOST_AHEAD = 2**20 * TOKEN
#: For so long nobody who waits for tokens holds a thread.
PATIENCE_SECONDS = 2.0
WORD_SECONDS = 0.5
#: Whoever has sent nothing for so long holds nothing, and is forgotten later.
IDLE_SECONDS = 60.0
FORGOTTEN_AFTER_SECONDS = 600.0
#: A share lives so long without a word of the core: longer than an edge does without.
KEPT_MS = 2 * 86_400_000
MOST_A_REQUEST = 1_000
#: As what is to be kept of a share: all of it.
ALL = 2**53 - 1
AWAY = "The limit's tokens here are spent, and the core that could lend more was not heard. Retry with backoff."


class Told(Struct, frozen=True, kw_only=True):
    """What the core is told of a share; in thousandths of a token, as totals."""

    organisation_id: int
    api_key_id: int
    generation: str
    lent: int
    returned: int
    spent: int
    wanted: int
    needed: int = 0


class Lent(Struct, frozen=True, kw_only=True):
    """What the core has lent in all, and what is left there."""

    organisation_id: int
    api_key_id: int
    generation: str
    lent: int
    left: int


class Shares(Struct, frozen=True, kw_only=True):
    """What the core answers to `PATH`."""

    shares: list[Lent]


@dataclass(slots=True)
class Use:
    """How a share was used, when the core was told last; `rate` in thousandths of a token a minute."""

    spent: int
    at: float
    used_at: float
    rate: int = 0

    def note(self, spent: int, *, now: float) -> None:
        """Note what is spent by now: the rate follows within a few reports."""
        if spent > self.spent:
            self.used_at = now
        a_minute = max(0, spent - self.spent) / max(now - self.at, 0.1) * 60
        self.rate = round((self.rate + a_minute) / 2)
        self.spent, self.at = max(spent, self.spent), now

    def demand(self, *, now: float) -> int:
        """Return how much is to be held: what is used in a while, and one token at least; nothing of who is idle."""
        return 0 if now - self.used_at > IDLE_SECONDS else max(TOKEN, round(self.rate * DEMAND_SECONDS / 60))


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How many shares there are, and how many of them are void: the core has not lent them anew in time, and has not
    heard what came back of them."""

    shares: int
    void: int


#: What is known since a moment of a share: that the core was not heard, or has nothing to lend.
_words: Expiring[Shared, Refusal] = Expiring(capacity=10_000)
_empty: Expiring[Shared, bool] = Expiring(capacity=10_000)
#: How much was asked for ahead a moment ago.
_asked: Expiring[Shared, int] = Expiring(capacity=10_000)
_link = CoreLink(seconds=PATIENCE_SECONDS)
_turn = threading.Lock()
_uses: dict[Shared, Use] = {}


def key_of(own: Shared) -> str:
    """Return where a share is kept."""
    levels = [own.api_key_id] if own.api_key_id else []
    return valkey.key("share", f"{{{own.organisation_id}}}", *levels)  # a hash tag, as those of buckets


def take(levels: Sequence[BucketLevel], *, cost: int) -> Verdict:
    """Take `cost` of all levels, once the core has lent what is missing. Raises: `Refusal` if it is not there."""
    own = [level.share_of for level in levels if level.share_of]
    if away := next(filter(None, map(_words.get, own)), None):
        raise away
    if any(map(_empty.get, own)):
        return limiter.take(levels, cost=cost)
    if not _turn.acquire(timeout=PATIENCE_SECONDS):
        raise _away()
    try:
        verdict = limiter.take(levels, cost=cost)  # somebody before us may have asked for enough
        return verdict if verdict.allowed else _take_once_lent(levels, own, cost)
    except redis.RedisError:
        return limiter.take(levels, cost=cost)  # by this process's own buckets
    finally:
        _turn.release()


def is_known_empty(level: BucketLevel) -> bool:
    """Tell whether the core has said a moment ago that it has no token for a share."""
    return level.share_of is not None and _empty.get(level.share_of) is not None


def sync(link: CoreLink) -> None:
    """Give back what nobody uses, and hold ahead what is used. Raises: `LinkError`, `redis.RedisError`."""
    known = _known()
    SHARES_HELD.set(len(known))
    for first in range(0, len(known), MOST_A_REQUEST):
        some, began = known[first : first + MOST_A_REQUEST], time.monotonic()
        told = [_report(own, now=began) for own in some]
        _renew(_ask(link, told), began=began, rates={own: _uses[own].rate for own in some})
        for own, one in zip(some, told, strict=True):
            if began - _uses[own].used_at > FORGOTTEN_AFTER_SECONDS and one.lent == one.returned + one.spent:
                _forget(own)
    SHARES_SECONDS.set_to_current_time()


def standing() -> Standing:
    """Tell how the shares of this edge are. Raises: `redis.RedisError`."""
    known = _known()
    asked = valkey.client().pipeline(transaction=False)
    asked.time()
    for own in known:
        asked.hget(key_of(own), "until")
    (seconds, microseconds), *ends = asked.execute()
    now = seconds * 1_000_000 + microseconds
    return Standing(shares=len(known), void=sum(int(until or 0) < now for until in ends))


def begin_anew() -> None:
    """Forget what this process knows."""
    _words.clear()
    _empty.clear()
    _asked.clear()
    _uses.clear()


def _take_once_lent(levels: Sequence[BucketLevel], own: Sequence[Shared], cost: int) -> Verdict:
    SHARES_ASKED.inc()
    began = time.monotonic()
    try:
        _renew(_ask(_link, [_tell(one, keep=ALL, cost=cost, ahead=_ahead(one)) for one in own]), began=began)
    except LinkError as error:
        log.warning("share_failed", organisation_id=own[0].organisation_id, error=str(error))
        SHARES_AWAY.inc()
        for one in own:
            _words.put(one, _away(), until=time.monotonic() + WORD_SECONDS)
        raise _away() from error
    verdict = limiter.take(levels, cost=cost)
    if not verdict.allowed and verdict.level.share_of:
        _empty.put(verdict.level.share_of, True, until=time.monotonic() + WORD_SECONDS)
    return verdict


def _away() -> Refusal:
    return Refusal("storage_unavailable", AWAY, retry_after_seconds=5)


def _ahead(own: Shared) -> int:
    """Return how much to ask for beyond a request: twice as much as a moment ago, if that is spent by now."""
    ahead = min(MOST_AHEAD, 2 * (_asked.get(own) or FIRST_DEMAND // 2))
    _asked.put(own, ahead, until=time.monotonic() + AGAIN_SECONDS)
    return ahead


def _report(own: Shared, *, now: float) -> Told:
    use = _uses.get(own)
    ahead = use.demand(now=now) if use else ALL
    told = _tell(own, keep=ahead, ahead=min(ahead, FIRST_DEMAND) if use is None else ahead)
    use = _uses.setdefault(own, Use(spent=told.spent, at=now, used_at=now))
    use.note(told.spent, now=now)
    return told


def _tell(own: Shared, *, keep: int, ahead: int, cost: int = 0) -> Told:
    """Give back what is beyond `keep`, and return how the share stands, and what is wanted."""
    valkey.client().sadd(_register(), f"{own.organisation_id}:{own.api_key_id}")
    answer = cast(Any, script("tell_share")(keys=[key_of(own)], args=[uuid4().hex, keep, KEPT_MS]))
    generation, lent, returned, spent = answer
    gone = returned + spent
    return Told(
        organisation_id=own.organisation_id,
        api_key_id=own.api_key_id,
        generation=generation.decode(),
        lent=lent,
        returned=returned,
        spent=max(0, spent),
        wanted=gone + cost + ahead,
        needed=gone + cost if cost else 0,
    )


def _ask(link: CoreLink, told: Sequence[Told]) -> list[Lent]:
    body = json.encode({"installation": str(installation.own()), "shares": told})
    try:
        return json.decode(link.post(PATH, body).body, type=Shares).shares
    except MsgspecError as error:
        raise LinkError("the core's answer cannot be read") from error


def _renew(answers: Sequence[Lent], *, began: float, rates: Mapping[Shared, int] | None = None) -> None:
    """Take over what was lent, for as long as is left of its time since the core was asked."""
    lent_us = round((LENT_SECONDS - (time.monotonic() - began)) * 1_000_000)
    for one in answers:
        own = Shared(one.organisation_id, one.api_key_id)
        rate: int | str = (rates or {}).get(own, "")
        arguments: list[int | str] = [one.generation, one.lent, lent_us, one.left, rate, KEPT_MS]
        script("renew_share")(keys=[key_of(own)], args=arguments)


def _forget(own: Shared) -> None:
    valkey.client().srem(_register(), f"{own.organisation_id}:{own.api_key_id}")
    valkey.client().delete(key_of(own))
    _uses.pop(own, None)


def _known() -> list[Shared]:
    return sorted(_shared_in(member) for member in cast(set[bytes], valkey.client().smembers(_register())))


def _register() -> str:
    return valkey.key("shares")


def _shared_in(member: bytes) -> Shared:
    organisation_id, _, api_key_id = member.decode().partition(":")
    return Shared(int(organisation_id), int(api_key_id))
