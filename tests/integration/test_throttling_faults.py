"""Valkey stopped, killed, emptied or full: the throttle neither closes nor opens, and is exact again afterwards."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import override_settings

from accounts.caller import Caller
from embedded.valkey import EmbeddedValkey
from foundation import valkey
from quotas import buckets, scripts
from quotas.buckets import TOKEN, BucketLevel
from quotas.limiter import Limiter
from quotas.metrics import LIMITER_DEGRADED
from tests.counting import round_trips
from tests.edges import Sender
from tests.patience import VALKEY_SECONDS
from tests.waiting import wait_until


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


#: How often in a row the limiter asks in vain, and how long it then rests: those of `Breaker`.
FAILURES, OPEN_SECONDS = 5, 2.0


def level(*, per_minute: int = 600, capacity: int = 20) -> BucketLevel:
    return BucketLevel(
        scope="organisation", key=valkey.key("{test}", uuid4().hex), per_minute=per_minute, capacity=capacity
    )


def is_degraded() -> bool:
    return bool(LIMITER_DEGRADED._value.get())


def take_many(limiter: Limiter, one: BucketLevel, *, calls: int) -> tuple[int, list[float | None]]:
    """Return how many of `calls` were allowed, and how long each try to ask Valkey might have taken."""
    began = time.monotonic()
    with round_trips() as sent:
        taken = sum(limiter.take([one]).allowed for _ in range(calls))
    assert 1 <= len(sent) <= FAILURES + 1 + (time.monotonic() - began) / OPEN_SECONDS
    return taken, [one.timeout_seconds for one in sent]


def recover(limiter: Limiter, one: BucketLevel) -> None:
    """Ask until Valkey answers again."""

    def has_recovered() -> bool:
        limiter.take([one], cost=0)
        return not is_degraded()

    wait_until(has_recovered, what="the limiter's recovery")


def asked_patiently(one: BucketLevel) -> int:
    """What Valkey itself says is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(valkey, "TIMEOUT_SECONDS", valkey.PATIENT_SECONDS)
        valkey.client.cache_clear()
        scripts.script.cache_clear()
        return buckets.take([one], cost=0).remaining


def test_a_stopped_valkey_costs_few_tries_of_50_ms_and_a_bucket_at_most(
    own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "TIMEOUT_SECONDS", VALKEY_SECONDS)
    limiter, one = Limiter(processes=1), level(per_minute=1)
    assert own_valkey.process
    wait_until(lambda: limiter.take([one], cost=0).remaining == 20 and not is_degraded(), what="an answer in time")
    own_valkey.process.send_signal(signal.SIGSTOP)

    taken, timeouts = take_many(limiter, one, calls=400)

    assert taken == 20  # one extra burst, from this process's own bucket
    assert set(timeouts) == {0.05}
    assert is_degraded()

    own_valkey.process.send_signal(signal.SIGCONT)
    recover(limiter, one)
    left = asked_patiently(one)  # it was asked in vain, and took a few
    assert 20 - FAILURES <= left <= 20


def test_a_killed_valkey_takes_over_again_when_it_is_back(own_valkey: EmbeddedValkey) -> None:
    limiter, one = Limiter(processes=1), level(per_minute=1)
    for _ in range(15):
        limiter.take([one])
    own_valkey.stop(signal.SIGKILL)
    taken, _ = take_many(limiter, one, calls=200)
    assert taken == 20  # one extra burst, from this process's own bucket
    assert is_degraded()

    own_valkey.start()
    recover(limiter, one)

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
    recover(limiter, one)
    assert sum(limiter.take([one]).allowed for _ in range(30)) == 19
    assert not is_degraded()


@pytest.mark.django_db
def test_a_core_whose_valkey_is_down_lends_edges_nothing_and_says_so(
    own_valkey: EmbeddedValkey, make_caller: Callable[..., Caller]
) -> None:
    caller = make_caller(requests_per_minute=60)
    sender = Sender(caller)
    ask = {"organisation_id": caller.organisation_id, "wanted": TOKEN, "needed": TOKEN}
    assert sender.ask_tokens(ask).json()["shares"][0]["lent"] == TOKEN
    assert own_valkey.process
    own_valkey.process.kill()
    own_valkey.process.wait()
    refused = sender.ask_tokens(ask)
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "storage_unavailable", "5")


def test_each_process_enforces_its_part_while_valkey_is_down(own_valkey: EmbeddedValkey) -> None:
    own_valkey.stop(signal.SIGKILL)
    one = level(per_minute=1)
    limiters = [Limiter(processes=4) for _ in range(4)]
    assert sum(limiter.take([one]).allowed for limiter in limiters for _ in range(30)) == 20
