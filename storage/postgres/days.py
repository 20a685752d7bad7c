"""The days of receipt in PostgreSQL: partitions, with more indexes once closed. See `storage.store.EntryDays`."""

from datetime import date
from itertools import groupby
from operator import attrgetter

from storage.postgres import indexes, partitions
from storage.store import StoredDay


def stored() -> list[StoredDay]:
    """Return the days that have a partition."""
    by_day = groupby(partitions.list_partitions(), key=attrgetter("day"))
    tables = [(day, list(of_day)) for day, of_day in by_day]
    return [StoredDay(day, sum(t.entries for t in of), sum(t.size_bytes for t in of)) for day, of in tables]


def ahead() -> int:
    """Return how many days after today have a partition without a gap."""
    return partitions.days_ahead()


def make_ahead(days: int) -> list[date]:
    """Make the partitions that are missing."""
    return partitions.make_ahead(days)


def drop_before(day: date) -> None:
    """Drop the partitions of the days before `day`, and tables that an interrupted drop has detached."""
    partitions.drop_before(day)
    partitions.drop_detached(day)


def index_closed(*, limit: int) -> list[date]:
    """Index up to `limit` closed days that lack their indexes."""
    return indexes.index_closed_days(limit=limit)
