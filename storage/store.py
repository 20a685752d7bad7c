"""The log store as the other rooms see it. PostgreSQL is the one implementation; nothing outside knows which it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from storage.batch import Batch
from storage.postgres.writer import PostgresStore


class LogStore(Protocol):
    """Keeps entries for good. Writes join the caller's transaction."""

    def write(self, batches: Sequence[Batch]) -> None:
        """Store `batches` with a receipt each; all or nothing.

        Raises: `django.db.DataError`, `msgspec.MsgspecError` when an entry cannot be stored.
        """

    def write_entries(self, batches: Sequence[Batch]) -> None:
        """Store the entries of `batches`, without receipts."""

    def write_receipts(self, batches: Sequence[Batch]) -> None:
        """Certify that the entries of `batches` are stored."""

    def delete(self, organisation_id: int, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries received before `before`; return how many went."""


store: LogStore = PostgresStore()
