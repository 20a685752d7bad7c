"""At the core: tokens of request limits are lent to edges. They move, and none is made: see `lend_tokens.lua`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from accounts.fragments import OWN_RATES
from foundation.postgres import fetch_all
from quotas import throttling
from quotas.buckets import MAX_TOKENS, TOKEN, BucketLevel, Shared
from quotas.limits import limits_for
from quotas.metrics import SHARES_LENT
from quotas.scripts import script

#: For so long what an edge holds counts after it was heard. It ends what it holds before: `shares.LENT_SECONDS`.
HELD_SECONDS = 20
#: Beyond what a request needs an edge gets at most this part of what is left.
PART_OF_THE_REST = 4

RATES = f"SELECT organisation_id, api_key_id, requests_per_minute FROM ({OWN_RATES}) AS own WHERE api_key_id = ANY (%s)"  # noqa: S608 - constants
AREA = throttling.SHARED_AREA


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenAsk:
    """How a share of an edge stands: thousandths of a token, as totals that only grow; what it wants to have been lent.

    With `needed` at least a request that waits could go. A share that was lost begins as another `generation`.
    """

    of: Shared
    generation: str
    lent: int
    returned: int
    spent: int
    wanted: int
    needed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TokensLent:
    """What was lent of a bucket in all, and what is left of it; in thousandths of a token."""

    of: Shared
    generation: str
    lent: int
    left: int


def lend(edge_id: int, asks: Sequence[TokenAsk], *, may_borrow: Mapping[int, bool]) -> list[TokensLent]:
    """Agree on shares of an edge; return how each stands. What is asked of strangers is left out.

    `may_borrow` has the organisations that there are, and whether this edge may have more of them. Raises:
    `redis.RedisError`, `OperationalError`.
    """
    known = [
        ask if may_borrow[ask.of.organisation_id] else replace(ask, wanted=0, needed=0)
        for ask in sorted(asks, key=lambda ask: ask.of)
        if ask.of.organisation_id in may_borrow
    ]
    levels = _levels(known)
    return [_lent(edge_id, ask, levels[ask.of]) for ask in known if ask.of in levels]


def _levels(asks: Sequence[TokenAsk]) -> dict[Shared, BucketLevel]:
    """Return the buckets that there are: a key without a limit of its own has none."""
    keys = [ask.of.api_key_id for ask in asks if ask.of.api_key_id]
    rates = fetch_all(RATES, [keys]) if keys else []
    levels = {
        (own := Shared(organisation_id, api_key_id)): throttling.api_key_level(own, per_minute=rate, area=AREA)
        for organisation_id, api_key_id, rate in rates
    }
    for organisation_id in {ask.of.organisation_id for ask in asks}:
        limits = limits_for(organisation_id)
        levels[Shared(organisation_id)] = throttling.organisation_level(organisation_id, limits, area=AREA)
    return levels


def _lent(edge_id: int, ask: TokenAsk, level: BucketLevel) -> TokensLent:
    rate, capacity = min(level.per_minute, MAX_TOKENS), min(level.capacity, MAX_TOKENS)
    given = [rate, capacity, ask.lent, ask.returned, ask.spent, ask.wanted, ask.needed]
    lent, left = _ask(f"{edge_id}:{ask.generation}", level.key, given)
    SHARES_LENT.inc(max(0, lent - ask.lent) / TOKEN)
    return TokensLent(of=ask.of, generation=ask.generation, lent=lent, left=left)


def _ask(generation: str, key: str, given: Sequence[int]) -> tuple[int, int]:
    keys = [key, f"{key}:lent", f"{key}:loans"]
    arguments: list[int | str] = [generation, HELD_SECONDS * 1_000_000, PART_OF_THE_REST, *given]
    lent, left = cast(list[int], script("lend_tokens")(keys=keys, args=arguments))
    return lent, left
