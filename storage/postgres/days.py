"""The days of receipt in PostgreSQL: partitions, with more indexes once closed. See `storage.store.EntryDays`."""

from datetime import date

from storage.postgres import indexes, partitions
from storage.store import StoredDay


def stored() -> list[StoredDay]:
    """Return the days that have a partition."""
    return [StoredDay(one.day, one.entries, one.size_bytes) for one in partitions.list_partitions()]


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
