"""Receipts: the proof that a batch was stored, kept when its entries are gone. In PostgreSQL, whatever the store."""

from collections.abc import Sequence

from foundation.postgres import execute
from storage.batch import Batch

WRITE = """
INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, entries, size_bytes)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::timestamptz[], %s::int[], %s::bigint[])
"""
#: A piece of SQL: a row, if the batch `batch_id` has a receipt.
HAS_RECEIPT = "SELECT 1 FROM storage_receipt WHERE batch_id = %(batch_id)s"


def write(batches: Sequence[Batch]) -> None:
    """Certify, in the caller's transaction, that the entries of `batches` are stored."""
    columns = zip(
        *(
            (b.batch_id, b.organisation_id, b.api_key_id, b.period, b.received_at, len(b.lines), b.size_bytes)
            for b in batches
        ),
        strict=True,
    )
    execute(WRITE, [list(column) for column in columns])
