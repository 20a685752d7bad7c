"""What rules that search count of new batches: each condition by itself, by batch, project and environment."""

import pytest

from explore.query import parse
from storage.store import Store
from tests.contract.batches import arrival_of, batch_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

QUERIES = ["money", "user.id:7", "level:>=error", "NOT money", "n:[2 TO 4]", "-has:n", "error.type:Pay*", "project:web"]


def test_batches_are_counted_by_each_condition(store: Store, organisation_id: int) -> None:
    pay = {
        "message": "no MONEY",
        "level": "error",
        "metadata": {"user": {"id": 7}, "n": 3},
        "error": {"type": "PayError"},
    }
    first = batch_of(pay, pay | {"project_id": "web"}, {"message": "hello"}, organisation_id=organisation_id)
    second = batch_of({"message": "money", "metadata": {"n": 1}, "environment": "eu"}, organisation_id=organisation_id)
    strangers = batch_of(pay, organisation_id=organisation_id + 1_000_000)
    other = batch_of(pay, organisation_id=organisation_id)
    store.writer.write([first, second, strangers, other])
    arrivals = [arrival_of(first), arrival_of(second)]
    conditions = [parse(query) for query in QUERIES]
    found = {
        (one.batch_id, one.project, one.environment): one.counts
        for one in store.reader.found_in(arrivals, conditions, seconds=60)
    }
    assert found == {
        (first.batch_id, "shop", "production"): (1, 1, 1, 1, 1, 1, 1, 0),
        (first.batch_id, "web", "production"): (1, 1, 1, 0, 1, 0, 1, 1),
        (second.batch_id, "shop", "eu"): (1, 0, 0, 0, 0, 0, 0, 0),
    }
    assert store.reader.found_in(arrivals, [], seconds=60) == store.reader.found_in([], conditions, seconds=60) == []
