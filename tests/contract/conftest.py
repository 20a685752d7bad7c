"""Every test of a store runs on each: PostgreSQL, ClickHouse, and the one in memory."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from storage import store as door
from storage.store import DAYS_AHEAD, Store
from tests.clickhouse.server import ForTests, running

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def clickhouse() -> Iterator[ForTests]:
    """One server for all of these tests: it is busy when nobody asks it, too, so it ends with the last of them."""
    with running() as server:
        yield server


@pytest.fixture
def in_memory(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Have the whole product keep its entries in an empty store in memory."""
    monkeypatch.setitem(door.STORES, "memory", "tests.contract.memory")
    settings.STORE_URL = f"memory:{next(_numbers)}"
    return door.store()


@pytest.fixture
def in_clickhouse(settings: Any, clickhouse: ForTests, transactional_db: None) -> Store:
    """Have the whole product keep its entries in ClickHouse: a server with nothing in it."""
    settings.STORE_URL, settings.STORE_READ_URL = clickhouse.url, clickhouse.read_url
    store = door.store()
    if not clickhouse.is_migrated:
        clickhouse.is_migrated = bool(store.migrate())
    clickhouse.truncate()
    return store


@pytest.fixture(params=["postgresql", "memory", "clickhouse"])
def store(request: pytest.FixtureRequest, transactional_db: None) -> Store:
    """The store that `STORE_URL` names."""
    if request.param != "postgresql":
        request.getfixturevalue(f"in_{request.param}")
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
