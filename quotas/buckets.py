"""Token buckets in a hierarchy, exact across processes: one Lua call to Valkey takes from all levels or from none."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from quotas.overflow import LONGEST_DEFERRAL_SECONDS
from quotas.scripts import script

MICROSECONDS = 1_000_000
#: What costs are counted in: thousandths of a token. Integers stay integers.
TOKEN = 1_000
#: Beyond it the script's numbers would no longer be exact.
MAX_TOKENS = 100_000_000
#: What `take_tokens.lua` returns for a request that took from a bucket behind another.
DEFERRED = 2


@dataclass(frozen=True, slots=True, order=True)
class Shared:
    """Which bucket of the core's: an organisation's, or below it that of an API key, 0 for none."""

    organisation_id: int
    api_key_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLevel:
    """One bucket of the hierarchy. `scope` is what a refusal calls it; capacities are in tokens.

    Behind it may be another, of the overflow lane: what finds the first empty takes from that, and is deferred. At an
    edge it may be a share of the core's bucket, whose tokens are lent: see `shares`.
    """

    scope: str
    key: str
    per_minute: int
    capacity: int
    capacity_behind: int = 0  # 0: there is none
    share_of: "Shared | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the tokens were taken, and the state of the tightest level: when refused, the last to let it through."""

    allowed: bool
    level: BucketLevel
    remaining: int
    retry_after_seconds: int  # 0 when allowed
    full_at: int  # Unix seconds, rounded up
    deferred_ms: int = 0  # until the tokens come that were taken ahead of their time; 0: none were


#: The levels of a request, widest first.
Hierarchy = tuple[BucketLevel, ...]


def take(levels: Sequence[BucketLevel], *, cost: int = TOKEN) -> Verdict:
    """Take `cost`, in thousandths of a token, from every level, or from none. A cost of 0 only looks.

    A level that has not enough may have a bucket behind it: then it is taken from there, and the request deferred.

    Raises: `redis.RedisError`.
    """
    [verdict] = take_for_each([tuple(levels)], cost=cost)
    return verdict


def take_for_each(requests: Sequence[Hierarchy], *, cost: int = TOKEN) -> list[Verdict]:
    """As `take`, for requests that wait at the same moment, one after the other, in one call of the script."""
    asked = Counter(requests)
    numbers = _ask(asked, cost)
    verdicts = {hierarchy: deque(_verdicts(hierarchy, numbers, times)) for hierarchy, times in asked.items()}
    return [verdicts[hierarchy].popleft() for hierarchy in requests]


def settle(levels: Sequence[BucketLevel], *, cost: int, paid: int = 0) -> Verdict:
    """Take `cost` from every level whatever is left there, up to a debt of one capacity; give back what is negative.

    With what was `paid` before it costs no more than a level holds. Raises: `redis.RedisError`.
    """
    hierarchy = tuple(levels)
    [verdict] = _verdicts(hierarchy, _ask({hierarchy: 1}, cost, paid, "settle"), 1)
    return verdict


def _ask(asked: Mapping[Hierarchy, int], cost: int, *way: int | str) -> Iterator[int]:
    keys = [key for hierarchy in asked for level in hierarchy for key in keys_of(level)]
    return iter(cast(list[int], script("take_tokens")(keys=keys, args=[cost, *_arguments(asked), *way])))


def _arguments(asked: Mapping[Hierarchy, int]) -> Iterator[int]:
    for hierarchy, times in asked.items():
        yield times
        yield len(hierarchy)
        for level in hierarchy:
            yield min(level.per_minute, MAX_TOKENS)
            yield min(level.capacity, MAX_TOKENS)
            yield min(level.capacity_behind, MAX_TOKENS)
            yield 1 if level.share_of else 0


def _verdicts(hierarchy: Hierarchy, numbers: Iterator[int], times: int) -> Iterator[Verdict]:
    for allowed, tightest, remaining, wait, full_at in islice(zip(*[numbers] * 5, strict=True), times):
        yield Verdict(
            allowed=bool(allowed),
            level=hierarchy[tightest - 1],
            remaining=remaining,
            retry_after_seconds=0 if allowed else rounded_up(wait),
            full_at=rounded_up(full_at),
            deferred_ms=deferral(wait) if allowed == DEFERRED else 0,
        )


def keys_of(level: BucketLevel) -> Sequence[str]:
    """Return where a level is kept, and the bucket behind it, if there is one."""
    return (level.key, f"{level.key}:overflow") if level.capacity_behind else (level.key,)


def deferral(microseconds: int) -> int:
    """Return for how many milliseconds a request is deferred, rounded up, and bounded."""
    return min(-(-microseconds // 1_000), LONGEST_DEFERRAL_SECONDS * 1_000)


def rounded_up(microseconds: int) -> int:
    """Return whole seconds, rounded up."""
    return -(-microseconds // MICROSECONDS)
