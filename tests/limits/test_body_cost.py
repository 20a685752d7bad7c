"""What the largest bodies cost, each in a process of its own; most of the hostile ones in `make hostile` only."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

MEBIBYTE = 2**20
#: For a measurement that hangs; it is no promise.
TIMEOUT_SECONDS = 600
#: Bodies of 110 MB take seconds of CPU each.
HOSTILE = [
    ("objects for entries", "too_many_entries"),
    ("lists in every entry", "invalid_timestamp"),
    ("escaped NULs", "field_too_large"),
]
if os.environ.get("LUMINALOG_HOSTILE_EXAMPLES"):
    HOSTILE += [
        ("numbers for entries", "too_many_entries"),
        ("lists in one entry", "field_too_large"),
        ("names in one entry", "field_too_large"),
        ("opening brackets", "nesting_too_deep"),
        ("white space", "malformed_json"),
    ]


@cache
def cost_of(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.limits.body_cost", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS)
    cost: dict[str, Any] = json.loads(done.stdout)
    return cost


@pytest.mark.parametrize("name", ["legal", "legal, with half an emoji"])
def test_largest_legal_batch_takes_less_than_600_mib(name: str) -> None:
    cost = cost_of(name)
    assert cost["size"] > 110_000_000
    assert (cost["code"], cost["parts"]) == (None, 14)
    assert cost["peak"] < 600 * MEBIBYTE
    assert cost["cpu_seconds"] < 30 * cost["plain_cpu_seconds"]


def test_body_of_addresses_takes_less_than_600_mib() -> None:
    cost = cost_of("addresses")
    assert cost["size"] > 110_000_000
    assert cost["code"] is None
    assert cost["peak"] < 600 * MEBIBYTE
    assert cost["cpu_seconds"] < 100 * cost["plain_cpu_seconds"]


@pytest.mark.parametrize(("name", "code"), HOSTILE)
def test_hostile_body_costs_no_more_than_a_legal_one(name: str, code: str) -> None:
    cost, legal = cost_of(name), cost_of("legal")
    assert cost["code"] == code
    assert cost["peak"] < 600 * MEBIBYTE
    assert cost["cpu_seconds"] < 15 * legal["cpu_seconds"]
