"""What many share: never more than there is, and never all of it for one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

from foundation.shares import Shares
from tests.waiting import DEADLINE_SECONDS


def test_one_owner_leaves_something_for_another() -> None:
    shares = Shares(4, for_each=3)
    assert [shares.take(1, owner="a") for _ in range(5)] == [True, True, True, False, False]
    assert shares.take(1, owner="b")
    assert not shares.take(1, owner="b")
    shares.give_back(1, owner="a")
    assert not shares.take(2, owner="b")
    assert shares.take(1, owner="b")


def test_all_is_there_again_when_everybody_has_given_it_back() -> None:
    shares = Shares(100, for_each=60)
    peaks = []

    def work(seed: int) -> None:
        random = Random(seed)
        for _ in range(200):
            amount, owner = random.randint(1, 40), random.randint(1, 3)
            if shares.take(amount, owner=owner):
                peaks.append(shares.taken)
                shares.give_back(amount, owner=owner)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert max(peaks) <= 100
    assert shares.take(60, owner=1)
    assert shares.take(40, owner=2)


def test_whoever_waits_gets_what_is_given_back() -> None:
    shares = Shares(1, for_each=1)
    shares.take(1, owner="a")
    got = threading.Event()

    def wait() -> None:
        if shares.take_soon(1, owner="b", seconds=DEADLINE_SECONDS):
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    shares.give_back(1, owner="a")
    assert got.wait(DEADLINE_SECONDS)
    waiting.join()
    assert not shares.take_soon(1, owner="a", seconds=0.01)
