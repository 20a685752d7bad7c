"""Entries of the search benchmark fit the table that they are copied into."""

from itertools import islice

import pytest

from storage.postgres.writer import COLUMNS
from tests.benchmarks.search_entries import Order, lines


@pytest.mark.parametrize("order", list(Order))
def test_lines_have_a_value_of_each_column(order: Order) -> None:
    for entry in islice(lines(1_000, order=order), 50):
        assert len(entry.split("\t")) == len(COLUMNS)
