"""Token buckets: the real script on a real Valkey, and the process's own, against a model in fractions."""

import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from uuid import uuid4

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from foundation import valkey
from quotas import buckets, local_buckets, scripts
from quotas.buckets import BucketLevel, Verdict
from quotas.local_buckets import LocalBuckets
from tests.counting import round_trips

MICROSECONDS = 1_000_000
MINUTE = 60 * MICROSECONDS
Take = Callable[[Sequence[BucketLevel], int, int], Verdict]


def level(scope: str = "organisation", *, per_minute: int = 60, capacity: int = 60, behind: int = 0) -> BucketLevel:
    key = valkey.key("bucket", "{test}", uuid4().hex, scope)
    return BucketLevel(scope=scope, key=key, per_minute=per_minute, capacity=capacity, capacity_behind=behind)


class Model:
    """The definition: tokens drip in at the rate up to the capacity; a request takes from all levels or from none.

    Of a level that has not enough it takes from the bucket behind, and waits until all that was taken there has come.
    """

    def __init__(self, levels: Sequence[BucketLevel]) -> None:
        self.levels = levels
        self.tokens = [Fraction(level.capacity) for level in levels]
        self.behind = [Fraction(level.capacity_behind) for level in levels]
        self.at: int | None = None

    def take(self, cost: int, now: int) -> tuple[bool, list[Fraction], int, int]:
        """Return whether it is allowed, the tokens left, whole seconds until it would be, and its deferral in ms."""
        elapsed = max(0, now - self.at) if self.at is not None else 0
        tokens = self._filled(self.tokens, [level.capacity for level in self.levels], elapsed)
        behind = self._filled(self.behind, [level.capacity_behind for level in self.levels], elapsed)
        waits = [(cost - had) * MINUTE / level.per_minute for level, had in zip(self.levels, tokens, strict=True)]
        if not all(wait <= 0 or had >= cost for wait, had in zip(waits, behind, strict=True)):
            self.at = min(now, self.at) if self.at is not None else None  # a refusal only follows a clock back
            return False, tokens, -int(-max(waits) // MICROSECONDS), 0
        deferred = 0
        for number, (level, wait) in enumerate(zip(self.levels, waits, strict=True)):
            if wait <= 0:
                tokens[number] -= cost
                continue
            behind[number] -= cost
            full_after = (level.capacity_behind - behind[number]) * MINUTE / level.per_minute
            deferred = max(deferred, -int(-max(wait, full_after) // 1))
        self.tokens, self.behind, self.at = tokens, behind, now
        return True, tokens, 0, -(-deferred // 1_000)

    def _filled(self, before: Sequence[Fraction], capacities: Sequence[int], elapsed: int) -> list[Fraction]:
        return [
            min(Fraction(capacity), had + Fraction(elapsed * level.per_minute, MINUTE))
            for level, capacity, had in zip(self.levels, capacities, before, strict=True)
        ]


@pytest.fixture
def script_at() -> Take:
    """The product's script; only the clock is replaced, by the last argument."""
    text = scripts.source("take_tokens")
    clock = "redis.call('TIME')"
    assert text.count(clock) == 1
    faked = valkey.patient_client().register_script(
        text.replace(clock, "{math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000}")
    )

    def take(levels: Sequence[BucketLevel], cost: int, now: int) -> Verdict:
        arguments = [
            cost * buckets.TOKEN,
            1,
            len(levels),
            *(number for one in levels for number in (one.per_minute, one.capacity, one.capacity_behind, 0)),
            now,
        ]
        numbers = faked(keys=[key for one in levels for key in buckets.keys_of(one)], args=arguments)
        [verdict] = buckets._verdicts(tuple(levels), iter(numbers), 1)
        return verdict

    return take


@pytest.fixture
def local_at() -> Take:
    own = LocalBuckets()
    return lambda levels, cost, now: own.take(levels, cost=cost * buckets.TOKEN, now=now)


@pytest.mark.parametrize(("implementation", "steps_back"), [("script_at", 1), ("local_at", 0)])
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_random_steps_agree_with_the_model(
    implementation: str, steps_back: int, seed: int, request: pytest.FixtureRequest
) -> None:
    dice = random.Random(seed)
    levels = [
        level("organisation", per_minute=dice.randint(1, 2000), capacity=dice.randint(5, 300)),
        level("api_key", per_minute=dice.randint(1, 500), capacity=dice.randint(5, 100)),
    ]
    verdicts = taken_as_by_the_model(request.getfixturevalue(implementation), levels, dice, steps_back=steps_back)
    assert 50 < sum(not verdict.allowed for verdict in verdicts) < 950


@pytest.mark.parametrize("implementation", ["script_at", "local_at"])
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_random_steps_with_buckets_behind_agree_with_the_model(
    implementation: str, seed: int, request: pytest.FixtureRequest
) -> None:
    dice = random.Random(seed)
    levels = [
        level("organisation", per_minute=dice.randint(100, 900), capacity=dice.randint(5, 50), behind=50 * seed),
        level("api_key", per_minute=dice.randint(100, 500), capacity=dice.randint(5, 50), behind=100),
    ]
    verdicts = taken_as_by_the_model(request.getfixturevalue(implementation), levels, dice, steps_back=0)
    deferred = {verdict.level.scope for verdict in verdicts if verdict.deferred_ms}
    assert deferred == ({"organisation", "api_key"} if seed else {"api_key"})
    assert sum(not verdict.allowed for verdict in verdicts) > 20


def taken_as_by_the_model(
    take: Take, levels: Sequence[BucketLevel], dice: random.Random, *, steps_back: int
) -> list[Verdict]:
    """Take a thousand times at random; return the verdicts, each of which is the model's."""
    model, now, verdicts = Model(levels), 1_800_000_000 * MICROSECONDS, []
    for _ in range(1000):
        strides, weights = (
            [0, 1, MICROSECONDS // 10, MICROSECONDS, MINUTE, -10 * MINUTE],
            [20, 20, 200, 50, 2, steps_back],
        )
        now += int(dice.random() * dice.choices(strides, weights)[0])
        cost = dice.randint(1, 5)

        verdict = take(levels, cost, now)
        allowed, tokens, wait, deferred_ms = model.take(cost, now)

        tightest = levels.index(verdict.level)
        assert (verdict.allowed, verdict.remaining) == (allowed, int(tokens[tightest]))
        assert (verdict.retry_after_seconds, verdict.deferred_ms) == (wait, deferred_ms)
        if allowed and not deferred_ms:
            assert tokens[tightest] == min(tokens)
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize("implementation", ["script_at", "local_at"])
def test_what_finds_a_bucket_empty_is_deferred_until_its_token_would_have_come(
    implementation: str, request: pytest.FixtureRequest
) -> None:
    """Sixty a minute are one a second; the other level has tokens, gives its own, and makes nobody wait."""
    take: Take = request.getfixturevalue(implementation)
    wide, narrow = level(capacity=50, behind=500), level("api_key", capacity=2, behind=20)
    now = 1_800_000_000 * MICROSECONDS

    taken = [take([wide, narrow], 1, now) for _ in range(23)]

    assert [one.deferred_ms for one in taken] == [0, 0, *range(1_000, 21_000, 1_000), 0]
    assert [one.allowed for one in taken] == [True] * 22 + [False]
    assert {(one.level.scope, one.remaining, one.retry_after_seconds) for one in taken[2:22]} == {("api_key", 0, 0)}
    assert take([wide], 1, now).remaining == 50 - 22 - 1
    later = now + MICROSECONDS  # a token here, and one behind
    assert [take([wide, narrow], 1, later).deferred_ms for _ in range(2)] == [0, 20_000]
    assert not take([wide, narrow], 1, later).allowed


def test_after_waiting_as_long_as_told_one_request_passes(script_at: Take) -> None:
    dice = random.Random(35)
    for _ in range(1000):
        levels = [
            level(per_minute=dice.randint(1, 3000), capacity=dice.randint(1, 20)),
            level("api_key", per_minute=dice.randint(1, 3000), capacity=dice.randint(1, 20)),
        ]
        now = dice.randrange(10**15, 2 * 10**15)
        while (verdict := script_at(levels, 1, now)).allowed:
            now += dice.randrange(1000)
        assert verdict.retry_after_seconds >= 1
        assert script_at(levels, 1, now + verdict.retry_after_seconds * MICROSECONDS).allowed


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no token come back, however long the test takes."""
    now = 1_800_000_000 * MICROSECONDS
    text = scripts.source("take_tokens").replace("redis.call('TIME')", f"{{{now // MICROSECONDS}, 0}}")
    stopped = valkey.patient_client().register_script(text)
    monkeypatch.setattr(buckets, "script", lambda _name: stopped)
    monkeypatch.setattr(local_buckets, "time", SimpleNamespace(monotonic_ns=lambda: now * 1_000, time_ns=time.time_ns))


@pytest.mark.usefixtures("stopped_clock")
def test_a_refused_call_changes_no_level() -> None:
    organisation, api_key = level(capacity=1), level("api_key", capacity=50)
    assert buckets.take([organisation, api_key]).allowed
    before = [valkey.client().get(one.key) for one in (organisation, api_key)]

    verdicts = [buckets.take([organisation, api_key]) for _ in range(100)]

    assert {(verdict.allowed, verdict.level.scope) for verdict in verdicts} == {(False, "organisation")}
    assert [valkey.client().get(one.key) for one in (organisation, api_key)] == before


@pytest.mark.parametrize("seed", range(3))
def test_requests_that_ask_in_one_call_are_answered_as_if_one_by_one(seed: int) -> None:
    """Of any hierarchies, also such as share a level; nothing comes back in between: a token a minute."""
    dice = random.Random(seed)
    organisations = [level(per_minute=1, capacity=dice.randint(5, 12)) for _ in range(3)]
    hierarchies: list[buckets.Hierarchy] = [(one,) for one in organisations]
    own = [{"capacity": dice.randint(1, 4), "behind": dice.choice([0, 2])} for _ in range(6)]
    hierarchies += [
        (one, level("api_key", per_minute=1, **limits)) for one, limits in zip(organisations * 2, own, strict=True)
    ]
    copies = {one: replace(one, key=one.key + ":copy") for hierarchy in hierarchies for one in hierarchy}
    asked = dice.choices(hierarchies, k=60)
    with round_trips() as sent:
        at_once = buckets.take_for_each(asked)
    assert [one.name for one in sent if one.name != "connect"] in (["EVALSHA"], ["EVALSHA", "SCRIPT", "EVALSHA"])

    ordered = [hierarchy for first in dict.fromkeys(asked) for hierarchy in asked if hierarchy == first]
    one_by_one: dict[buckets.Hierarchy, list[Verdict]] = {}
    for hierarchy in ordered:
        verdict = buckets.take([copies[one] for one in hierarchy])
        one_by_one.setdefault(hierarchy, []).append(verdict)
    alone = [one_by_one[hierarchy].pop(0) for hierarchy in asked]
    said = [[(one.allowed, one.remaining, one.deferred_ms > 0) for one in answers] for answers in (at_once, alone)]
    assert said[0] == said[1]
    assert 10 < sum(verdict.allowed for verdict in at_once) < 50


def test_looking_takes_nothing() -> None:
    one = level(capacity=7)
    assert [buckets.take([one], cost=0).remaining for _ in range(3)] == [7, 7, 7]
    assert valkey.client().exists(one.key) == 0


def test_a_clock_that_steps_back_an_hour_blocks_nobody(script_at: Take) -> None:
    one = level(per_minute=60, capacity=2)
    now = 1_800_000_000 * MICROSECONDS
    assert [script_at([one], 1, now).allowed for _ in range(3)] == [True, True, False]
    now -= 3600 * MICROSECONDS
    assert not script_at([one], 1, now).allowed
    assert script_at([one], 1, now + MICROSECONDS).allowed


def test_a_clock_that_leaps_a_year_gives_one_bucket_full(script_at: Take) -> None:
    one = level(per_minute=1800, capacity=5)
    now = 1_800_000_000 * MICROSECONDS
    for _ in range(5):
        script_at([one], 1, now)
    now += 365 * 86400 * MICROSECONDS
    assert sum(script_at([one], 1, now).allowed for _ in range(20)) == 5


def test_a_raised_limit_acts_on_a_bucket_in_use_and_a_lowered_one_too(script_at: Take) -> None:
    one = level(per_minute=60, capacity=10)
    now = 1_800_000_000 * MICROSECONDS
    while script_at([one], 1, now).allowed:
        pass
    raised = BucketLevel(scope=one.scope, key=one.key, per_minute=600, capacity=100)
    assert script_at([raised], 1, now).remaining == 89
    lowered = BucketLevel(scope=one.scope, key=one.key, per_minute=60, capacity=5)
    assert script_at([lowered], 1, now).retry_after_seconds == 1


def test_the_largest_limits_are_counted_exactly(script_at: Take) -> None:
    huge = level(per_minute=buckets.MAX_TOKENS, capacity=buckets.MAX_TOKENS)
    now = 1_800_000_000 * MICROSECONDS
    assert script_at([huge], 1, now).remaining == buckets.MAX_TOKENS - 1
    assert script_at([huge], buckets.MAX_TOKENS - 1, now).remaining == 0
    assert not script_at([huge], 1, now).allowed
    assert script_at([huge], 1, now + 1).allowed


def test_a_bucket_is_forgotten_a_minute_after_it_is_full() -> None:
    one = level(per_minute=60, capacity=60)
    began = time.monotonic()
    for _ in range(30):
        buckets.take([one])
    left_ms = valkey.client().pttl(one.key)
    assert 90_000 - 1_000 * (time.monotonic() - began) - 1 <= left_ms <= 90_001


def test_a_process_enforces_its_part_of_every_limit() -> None:
    own = LocalBuckets(processes=4)
    one = level(per_minute=61, capacity=61)
    taken = sum(own.take([one], now=microsecond).allowed for microsecond in range(0, 8 * MINUTE, MICROSECONDS // 10))
    assert taken == int(Fraction(61, 4) + Fraction(61 * 8, 4))


def press(one: BucketLevel, times: int) -> tuple[int, int]:
    """Take so many times; return how many were taken, and how many answers did not come in time."""
    taken = unknown = 0
    for _ in range(times):
        try:
            taken += buckets.take([one]).allowed
        except RedisTimeoutError:  # 50 ms, with 64 processes on the machine's cores
            unknown += 1
    return taken, unknown


def test_64_processes_on_one_bucket_take_what_it_holds_and_no_more() -> None:
    one = level(per_minute=3000, capacity=100)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["luminalog.settings", "tests.integration.test_buckets"])
    valkey.client.cache_clear()
    with ProcessPoolExecutor(64, mp_context=context) as processes:
        list(processes.map(press, [one] * 64, [0] * 64))  # all are there
        began = time.time()
        pressed = list(processes.map(press, [one] * 64, [50] * 64))
        seconds = time.time() - began
    taken, unknown = (sum(column) for column in zip(*pressed, strict=True))
    assert taken <= 100 + 50 * seconds
    assert taken + unknown >= 100


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("where", ["Valkey", "a process"])
def test_what_is_settled_becomes_a_debt_of_one_capacity_at_most(where: str) -> None:
    own = LocalBuckets()
    take, settle = (buckets.take, buckets.settle) if where == "Valkey" else (own.take, own.settle)
    wide, narrow = level(per_minute=1, capacity=60), level("api_key", per_minute=1, capacity=10)
    assert take([wide, narrow], cost=20).allowed
    settled = settle([wide, narrow], cost=99_980, paid=20)  # no more than each holds
    assert (settled.allowed, settled.remaining) == (True, 0)
    assert [take([one], cost=0).allowed for one in (wide, narrow)] == [True, True]
    assert [take([one], cost=20).allowed for one in (wide, narrow)] == [False, False]
    began = time.time()
    for _ in range(3):
        settle([narrow], cost=100_000)
    refused = take([narrow], cost=20)
    assert (refused.allowed, refused.remaining) == (False, 0)
    passed = time.time() - began
    assert 595 - passed <= refused.retry_after_seconds <= 602  # ten tokens of debt at one a minute, and no more
    settle([narrow], cost=-10_000)
    assert 1 <= take([narrow], cost=20).retry_after_seconds <= 2


@pytest.mark.usefixtures("stopped_clock")
def test_thousandths_are_counted_exactly() -> None:
    one = level(per_minute=1, capacity=1)
    assert sum(buckets.take([one], cost=20).allowed for _ in range(60)) == 50
