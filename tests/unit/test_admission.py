"""The memory of all bodies in flight, shared by real threads."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from foundation.refusals import Refusal
from ingest.receive.admission import Admission, Budget


def test_budget_is_never_exceeded_and_comes_back_whole():
    budget = Budget(100_000)
    peaks = []

    def send(seed: int) -> int:
        random = Random(seed)
        refused = 0
        for _ in range(40):
            with Admission(budget, organisation_id=random.randint(1, 4), free_bytes=1_000) as admission:
                try:
                    for size in range(500, random.randint(600, 30_000), 700):
                        admission.cover(size)
                        peaks.append(budget.taken_bytes)
                        time.sleep(1e-5)  # let the others in
                except Refusal:
                    refused += 1
        return refused

    with ThreadPoolExecutor(8) as threads:
        refused = list(threads.map(send, range(8)))
    assert max(peaks) <= 100_000
    assert sum(refused) > 0
    assert budget.taken_bytes == 0
    Admission(budget, organisation_id=1, free_bytes=0).cover(1)


def test_hold_grows_in_steps_and_is_given_back_once():
    budget = Budget(100_000)
    admission = Admission(budget, organisation_id=None, free_bytes=1_000)
    held = []
    for size in (1_000, 1_001, 2_000, 2_001, 1_500):
        admission.cover(size)
        held.append(budget.taken_bytes)
    assert held == [0, 4_000, 4_000, 6_000, 6_000]
    admission.close()
    admission.close()
    assert budget.taken_bytes == 0


def test_refused_growth_keeps_what_is_held_until_closed():
    budget = Budget(10_000)
    other = Admission(budget, organisation_id=1, free_bytes=1_000)
    other.cover(3_000)
    with Admission(budget, organisation_id=2, free_bytes=1_000) as admission:
        admission.cover(2_000)
        with pytest.raises(Refusal, match="overloaded"):
            admission.cover(3_000)
        assert budget.taken_bytes == 10_000
    assert budget.taken_bytes == 6_000
    other.close()
