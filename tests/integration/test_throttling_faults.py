"""Valkey stopped, killed, emptied or full: the throttle neither closes nor opens, and is exact again afterwards."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import override_settings

from embedded.valkey import EmbeddedValkey
from foundation import valkey
from quotas import buckets, scripts
from quotas.buckets import Level
from quotas.limiter import Limiter
from quotas.metrics import LIMITER_DEGRADED


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server of this test's own, which the product's clients speak to."""
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()

    def forget_clients() -> None:
        for client in (valkey.client, valkey.patient_client):
            if client.cache_info().currsize:
                client().close()
            client.cache_clear()
        scripts.script.cache_clear()

    forget_clients()
    with override_settings(VALKEY_URL=server.url):
        yield server
        assert server.process
        server.process.send_signal(signal.SIGCONT)
        server.stop()
        forget_clients()


def level(*, per_minute: int = 600, capacity: int = 20) -> Level:
    return Level(scope="organisation", key=valkey.key("{test}", uuid4().hex), per_minute=per_minute, capacity=capacity)


def is_degraded() -> bool:
    return bool(LIMITER_DEGRADED._value.get())


def slowest_of(limiter: Limiter, one: Level, *, calls: int) -> tuple[int, float]:
    """Return how many of `calls` were allowed, and the 99th percentile of their seconds."""
    taken, seconds = 0, []
    for _ in range(calls):
        began = time.perf_counter()
        taken += limiter.take([one]).allowed
        seconds.append(time.perf_counter() - began)
    return taken, sorted(seconds)[int(calls * 0.99)]


def test_a_stopped_valkey_costs_60_ms_at_most_and_a_bucket_at_most(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level()
    assert own_valkey.process
    assert limiter.take([one]).allowed
    own_valkey.process.send_signal(signal.SIGSTOP)

    began = time.monotonic()
    taken, slowest = slowest_of(limiter, one, calls=400)
    seconds = time.monotonic() - began

    assert 20 <= taken <= 20 + 10 * seconds
    assert slowest < 0.06
    assert is_degraded()

    own_valkey.process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 5
    while is_degraded() and time.monotonic() < deadline:
        limiter.take([one], cost=0)
        time.sleep(0.05)
    assert not is_degraded()
    assert limiter.take([one]).remaining == buckets.take([one], cost=0).remaining


def test_a_killed_valkey_takes_over_again_when_it_is_back(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level(per_minute=1)
    for _ in range(15):
        limiter.take([one])
    own_valkey.stop(signal.SIGKILL)
    taken, slowest = slowest_of(limiter, one, calls=200)
    assert taken == 20  # one extra burst, from this process's own bucket
    assert slowest < 0.06
    assert is_degraded()

    own_valkey.start()
    deadline = time.monotonic() + 5
    while is_degraded() and time.monotonic() < deadline:
        limiter.take([one], cost=0)
        time.sleep(0.05)

    left = buckets.take([one], cost=0).remaining
    assert 5 <= left <= 20  # what it kept, or one burst: its append-only file may be a second behind
    assert sum(limiter.take([one]).allowed for _ in range(30)) == left


def test_an_emptied_valkey_gives_one_burst_and_no_error(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level(per_minute=1)
    assert sum(limiter.take([one]).allowed for _ in range(30)) == 20
    valkey.patient_client().flushall()
    assert sum(limiter.take([one]).allowed for _ in range(30)) == 20
    assert not is_degraded()


def test_a_forgotten_script_is_loaded_again(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level(per_minute=1)
    taken = 0
    for _ in range(30):
        taken += limiter.take([one]).allowed
        valkey.patient_client().script_flush()
    assert taken == 20
    assert not is_degraded()


def test_a_full_valkey_is_a_valkey_that_does_not_answer(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level(per_minute=1)
    assert limiter.take([one]).allowed
    valkey.patient_client().config_set("maxmemory", "1kb")
    assert sum(limiter.take([one]).allowed for _ in range(30)) == 20
    assert is_degraded()

    valkey.patient_client().config_set("maxmemory", "100mb")
    time.sleep(2.1)
    assert sum(limiter.take([one]).allowed for _ in range(30)) == 19
    assert not is_degraded()


def test_each_process_enforces_its_part_while_valkey_is_down(own_valkey: EmbeddedValkey) -> None:
    own_valkey.stop(signal.SIGKILL)
    one = level(per_minute=1)
    limiters = [Limiter(processes=4) for _ in range(4)]
    assert sum(limiter.take([one]).allowed for limiter in limiters for _ in range(30)) == 20
