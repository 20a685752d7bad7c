"""What `storage` keeps in PostgreSQL, whatever the store of entries: rows of the store, and rows about it."""

from storage.models.archives import ArchivedDay, ArchivedPart, Archiving, LoadedPart
from storage.models.entries import Erased, LogEntry, Receipt
from storage.models.fields import Drift, Field, FieldSample
from storage.models.leaving import DroppedPartition, Leaving, Move, Retention
from storage.models.rollups import EventMinute, Minute, RollupDay, UnrolledDay

__all__ = [
    "ArchivedDay",
    "ArchivedPart",
    "Archiving",
    "Drift",
    "DroppedPartition",
    "Erased",
    "EventMinute",
    "Field",
    "FieldSample",
    "Leaving",
    "LoadedPart",
    "LogEntry",
    "Minute",
    "Move",
    "Receipt",
    "Retention",
    "RollupDay",
    "UnrolledDay",
]
