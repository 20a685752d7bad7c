"""What the largest bodies cost, each measured in a process of its own."""

import json
import subprocess
import sys
from typing import Any

import pytest

MEBIBYTE = 2**20


def cost_of(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.unit.body_cost", name]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout)


@pytest.mark.parametrize("name", ["legal", "legal, with half an emoji"])
def test_largest_legal_batch_takes_less_than_600_mib(name):
    cost = cost_of(name)
    assert cost["size"] > 110_000_000
    assert (cost["code"], cost["parts"]) == (None, 14)
    assert cost["peak"] < 600 * MEBIBYTE
    assert cost["took"] < 20


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("numbers for entries", "too_many_entries"),
        ("objects for entries", "too_many_entries"),
        ("lists in one entry", "field_too_large"),
        ("lists in every entry", "invalid_timestamp"),
        ("names in one entry", "field_too_large"),
        ("opening brackets", "nesting_too_deep"),
        ("white space", "malformed_json"),
        ("escaped NULs", "field_too_large"),
    ],
)
def test_hostile_body_costs_no_more_than_a_legal_one(name, code):
    cost = cost_of(name)
    assert cost["code"] == code
    assert cost["peak"] < 600 * MEBIBYTE
    assert cost["took"] < 20
