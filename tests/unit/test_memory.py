"""What a process remembers: bounded, and forgotten in time; and whom it asks no more."""

from foundation.breaker import Breaker
from foundation.expiring import Expiring


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_value_is_forgotten_at_its_time() -> None:
    clock = Clock()
    memory: Expiring[str, int] = Expiring(capacity=10, clock=clock)
    memory.put("short", 1, until=101)
    memory.put("long", 2, until=110)
    clock.now = 101
    assert (memory.get("short"), memory.get("long")) == (None, 2)
    assert len(memory) == 1


def test_full_memory_forgets_what_was_asked_for_least_lately() -> None:
    memory: Expiring[int, int] = Expiring(capacity=3, clock=Clock())
    for number in range(3):
        memory.put(number, number, until=200)
    assert memory.get(0) == 0
    memory.put(3, 3, until=200)
    assert [memory.get(number) for number in range(4)] == [0, None, 2, 3]


def test_newer_value_has_its_own_time() -> None:
    clock = Clock()
    memory: Expiring[str, int] = Expiring(capacity=3, clock=clock)
    memory.put("key", 1, until=101)
    memory.put("key", 2, until=105)
    clock.now = 104
    assert memory.get("key") == 2
    memory.forget("key")
    assert memory.get("key") is None


def test_breaker_lets_one_try_through_at_a_time() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, open_seconds=5, clock=clock)
    for _ in range(2):
        assert breaker.lets_through()
        breaker.failed()
    assert not breaker.lets_through()
    clock.now += 5
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]
