"""Receipts of batches whose errors nobody has looked for: those that failed to be grouped, and those of before."""

from foundation.postgres import execute, fetch_all
from storage.arrivals import Arrival
from storage.receipts import IS_KEPT, NOT_GROUPED

#: As the index has them.
FAILED = f"""
SELECT batch_id, organisation_id, received_at, stored_at, stored_xid::text::bigint, entries
  FROM storage_receipt WHERE errors = {NOT_GROUPED} ORDER BY organisation_id, received_at LIMIT %(limit)s
"""  # noqa: S608 - constants
#: The newest first, by the primary key; of those that are kept.
OF_BEFORE = f"""
SELECT batch_id, organisation_id, receipt.received_at, stored_at, stored_xid::text::bigint, entries
  FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id)
 WHERE errors IS NULL AND batch_id < %(before)s AND coalesce({IS_KEPT}, true)
 ORDER BY batch_id DESC LIMIT %(limit)s
"""  # noqa: S608 - constants
COUNT = f"""
SELECT count(*) FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id)
 WHERE errors = {NOT_GROUPED} OR errors IS NULL AND coalesce({IS_KEPT}, true)
"""  # noqa: S608 - constants
HAVE_FAILED = f"SELECT EXISTS (SELECT FROM storage_receipt WHERE errors = {NOT_GROUPED})"  # noqa: S608 - constants
HOLD = f"""
SELECT FROM storage_receipt WHERE batch_id = %s AND (errors = {NOT_GROUPED} OR errors IS NULL) FOR UPDATE
"""
NOTE_ERRORS = "UPDATE storage_receipt SET errors = %s WHERE batch_id = %s"


def failed(*, limit: int) -> list[Arrival]:
    """Return batches that were stored without a look for errors since there are groups."""
    return [Arrival(*row) for row in fetch_all(FAILED, {"limit": limit})]


def of_before(*, before: int, limit: int) -> list[Arrival]:
    """Return batches of before there were groups, the newest first of those with an id below `before`."""
    return [Arrival(*row) for row in fetch_all(OF_BEFORE, {"before": before, "limit": limit})]


def count() -> int:
    """Return how many batches that are kept nobody has looked into."""
    [(number,)] = fetch_all(COUNT)
    return int(number)


def have_failed() -> bool:
    """Tell whether a batch was stored without a look for errors since there are groups."""
    return bool(fetch_all(HAVE_FAILED)[0][0])


def hold(batch_id: int) -> bool:
    """Lock the receipt of a batch that nobody has looked into until the transaction ends; false if somebody has."""
    return bool(fetch_all(HOLD, [batch_id]))


def note_errors(batch_id: int, errors: int) -> None:
    """Note how many entries of a batch are counted as errors."""
    execute(NOTE_ERRORS, [errors, batch_id])
