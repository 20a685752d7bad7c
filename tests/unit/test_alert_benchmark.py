"""What `make bench-alerts` asks for can be asked: its rules are of many kinds, and its searches can be read."""

from itertools import islice

from alerts.terms import Kind
from explore.query import parse
from storage.conditions import EVERYTHING
from tests.benchmarks import alert_rounds


def test_rules_of_the_benchmark_are_of_many_kinds_and_each_searches_for_something_else() -> None:
    made = list(islice(alert_rounds._rules(), 250))
    searches = [fields["query"] for fields in made if fields.get("kind") == Kind.SEARCH]
    assert len(searches) == len(set(searches)) == len(made) // alert_rounds.ONE_SEARCHES
    assert all(parse(query) != EVERYTHING for query in (*searches, *alert_rounds.ASKED))
    assert {fields.get("kind", Kind.THRESHOLD) for fields in made} > {Kind.RATIO, Kind.SPIKE, Kind.ABSENCE}
