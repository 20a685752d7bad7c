"""Shared request limits, by their definition: no step makes a token, but for edges that are cut off."""

import random

import pytest

from tests.shares import MILLI, MINUTE, START, TOKEN, Model, World, most_beyond

EDGES = 4


@pytest.mark.parametrize("seed", range(3))
def test_all_together_take_no_more_than_one_bucket_would_give_in_any_stretch_of_time(seed: int) -> None:
    dice = random.Random(seed)
    per_minute, capacity = dice.randint(30, 600), dice.randint(5, 300)
    model = Model(per_minute, capacity, EDGES)
    world = World(model, dice, EDGES)
    for _ in range(10_000):
        world.step()

    taken_at = [now for now, _ in world.accepted]
    assert most_beyond(taken_at, per_minute=per_minute, capacity=capacity) == 0
    assert {by for _, by in world.accepted} == set(range(EDGES + 1))
    assert len(taken_at) > 1_000
    assert not model.made_tokens


@pytest.mark.parametrize("seed", range(3))
def test_an_edge_that_is_cut_off_goes_on_at_its_last_rate_and_no_faster(seed: int) -> None:
    dice = random.Random(seed)
    per_minute, capacity, rate = dice.randint(60, 600), dice.randint(5, 100), dice.randint(1, 20) * TOKEN
    model = Model(per_minute, capacity, EDGES)
    world = World(model, dice, EDGES, rate=rate)
    cut_us = dict.fromkeys(model.shares, 0)
    for _ in range(10_000):
        before, ended = world.now, {edge: share.ends for edge, share in model.shares.items()}
        world.step()
        for edge, ends in ended.items():
            cut_us[edge] += max(0, world.now - max(before, ends)) if ends else 0
            assert model.made_tokens[edge] * TOKEN * MINUTE <= rate * cut_us[edge]

    assert sum(model.made_tokens.values()) > 100
    allowed = capacity * TOKEN * MILLI + (world.now - START) * per_minute + rate * sum(cut_us.values()) // 1000
    assert len(world.accepted) * TOKEN * MILLI <= allowed
