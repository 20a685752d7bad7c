"""What was met lately is remembered within bounds of number and time."""

from foundation.recent import Recent


def test_half_of_it_at_least_and_all_of_it_at_most_is_kept() -> None:
    recent: Recent[int, str] = Recent(capacity=10)
    for number in range(100):
        recent.put(number, str(number))
        assert len(recent) <= 10
        assert recent.get(0) == "0"  # asked for again and again
        assert [recent.get(one) for one in range(max(0, number - 2), number + 1)] == [
            str(one) for one in range(max(0, number - 2), number + 1)
        ]
    assert recent.get(50) is None
    recent.forget(99)
    assert recent.get(99) is None
    recent.clear()
    assert len(recent) == 0


def test_nothing_is_kept_for_longer_than_its_time() -> None:
    now = [0.0]
    recent: Recent[str, int] = Recent(capacity=10, seconds=60, clock=lambda: now[0])
    recent.put("a", 1)
    now[0] = 29
    recent.put("b", 2)
    now[0] = 59
    assert (recent.get("a"), recent.get("b")) == (1, 2)
    now[0] = 60
    recent.put("c", 3)
    now[0] = 89
    assert (recent.get("a"), recent.get("c")) == (None, 3)
    now[0] = 1_000
    assert recent.get("c") is None
