"""Every test of a store runs on each: PostgreSQL, and the one in memory."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from storage import store as door
from storage.store import DAYS_AHEAD, Store

_numbers = itertools.count(1)


@pytest.fixture
def in_memory(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Have the whole product keep its entries in an empty store in memory."""
    monkeypatch.setitem(door.STORES, "memory", "tests.contract.memory")
    settings.STORE_URL = f"memory:{next(_numbers)}"
    return door.store()


@pytest.fixture(params=["postgresql", "memory"])
def store(request: pytest.FixtureRequest, transactional_db: None) -> Store:
    """The store that `STORE_URL` names."""
    if request.param == "memory":
        request.getfixturevalue("in_memory")
    door.store().days.make_ahead(DAYS_AHEAD)
    return door.store()


@pytest.fixture(scope="session")
def new_organisation() -> Callable[[], int]:
    """Return a function that makes ids of organisations of which nothing is stored."""
    return itertools.count(1_000).__next__


@pytest.fixture
def organisation_id(new_organisation: Callable[[], int]) -> int:
    """An organisation of which nothing is stored."""
    return new_organisation()
