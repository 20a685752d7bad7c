"""What a drain asks of this room: look for errors, say what their entries carry, and count them.

Grouping never stands in the way of an entry: whatever fails here but PostgreSQL itself, a drain stores without it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import DatabaseError

from foundation.outages import is_outage
from issues import counting, metrics, resolving, sightings
from issues.sightings import OfBatch
from storage.batch import Batch


class GroupingFailed(Exception):
    """Errors could not be grouped; the transaction can only be rolled back, and their entries be stored without."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__(f"{step}: {type(error).__name__}")
        self.step = step

    def note(self) -> None:
        """Note that entries are stored without groups; after the rollback."""
        metrics.GROUPING_FAILURES.labels(step=self.step).inc()
        resolving.forget()


class Grouping:
    """The errors of what a drain stores in one transaction; none are looked for unless it `is_on`."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._seen: dict[int, OfBatch] = {}

    def resolve(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return the batches with the keys that their entries carry; what is missing for that is made.

        Raises: `GroupingFailed`; `DatabaseError` in an outage.
        """
        if not self.is_on:
            return list(batches)
        with _failing("resolve"):
            with _timed("look"):
                seen = sightings.look(batches)
            if seen:
                with _timed("resolve"):
                    resolving.resolve(seen)
                self._seen |= {one.batch.batch_id: one for one in seen}
            return [self._keyed(batch) for batch in batches]

    def fixed(self) -> dict[int, dict[int, int]] | None:
        """Return the keys that entries carry, by batch and index, for `recall`; None where nobody has looked."""
        return {batch_id: one.keys for batch_id, one in self._seen.items()} if self.is_on else None

    def recall(self, batches: Sequence[Batch], keys: dict[int, dict[int, int]]) -> list[Batch]:
        """Return the batches with the keys that were resolved when they were stored first. Raises: as `resolve`."""
        with _failing("recall"):
            for one in sightings.look(batches):
                one.keys = keys.get(one.batch.batch_id, {})
                self._seen[one.batch.batch_id] = one
            if any(of.keys() - self._sighted(batch_id) for batch_id, of in keys.items()):
                raise LookupError("rules have changed since")
        return [self._keyed(batch) for batch in batches]

    def count(self, stored: Sequence[Batch]) -> None:
        """Count the errors of what was stored in the end, as the last of the transaction. Raises: as `resolve`."""
        if self._seen:
            with _failing("count"), _timed("count"):
                counting.count(
                    [(self._seen[one.batch_id], one.indexes) for one in stored if one.batch_id in self._seen]
                )

    def _sighted(self, batch_id: int) -> set[int]:
        return set(self._seen[batch_id].sightings) if batch_id in self._seen else set()

    def _keyed(self, batch: Batch) -> Batch:
        found = self._seen.get(batch.batch_id)
        return batch.with_error_keys(list(map(found.keys.get, batch.indexes)) if found else ())


@contextmanager
def _failing(step: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, DatabaseError) and is_outage(error):
            raise
        raise GroupingFailed(step, error) from error


@contextmanager
def _timed(step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    metrics.GROUPING_SECONDS.labels(step=step).observe(time.monotonic() - began)
