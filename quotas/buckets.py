"""Token buckets in a hierarchy, exact across processes: one Lua call to Valkey takes from all levels or from none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from quotas.scripts import script

MICROSECONDS = 1_000_000
#: Beyond it the script's numbers would no longer be exact.
MAX_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLevel:
    """One bucket of the hierarchy. `scope` is what a refusal calls it; `capacity` is in tokens."""

    scope: str
    key: str
    per_minute: int
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the tokens were taken, and the state of the tightest level: when refused, the last to let it through."""

    allowed: bool
    level: BucketLevel
    remaining: int
    retry_after_seconds: int  # 0 when allowed
    full_at: int  # Unix seconds, rounded up


def take(levels: Sequence[BucketLevel], *, cost: int = 1) -> Verdict:
    """Take `cost` tokens from every level, or from none. A cost of 0 only looks. Raises: `redis.RedisError`."""
    arguments = [cost]
    for level in levels:
        arguments += [min(level.per_minute, MAX_TOKENS), min(level.capacity, MAX_TOKENS)]
    answer = script("take_tokens")(keys=[level.key for level in levels], args=arguments)
    allowed, tightest, remaining, wait, full_at = cast(list[int], answer)
    return Verdict(
        allowed=bool(allowed),
        level=levels[tightest - 1],
        remaining=remaining,
        retry_after_seconds=rounded_up(wait),
        full_at=rounded_up(full_at),
    )


def rounded_up(microseconds: int) -> int:
    """Return whole seconds, rounded up."""
    return -(-microseconds // MICROSECONDS)
