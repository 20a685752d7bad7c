"""What is stored of an organisation, as receipts say: what was loaded, dropped, emptied or erased is not counted."""

from datetime import UTC, datetime

from foundation.postgres import fetch_all
from storage.receipts import IS_KEPT, NOT_LOADED, WITH_ERASED

#: What is kept of days of receipt, by organisation: what was loaded, dropped or emptied is not.
KEPT_OF_DAYS = f"""
SELECT receipt.organisation_id, (receipt.received_at AT TIME ZONE 'UTC')::date AS day,
       sum(receipt.entries - erased.entries)::bigint AS entries,
       sum(receipt.size_bytes - erased.size_bytes)::bigint AS size_bytes
  FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id) {WITH_ERASED}
 WHERE receipt.received_at >= %(start)s AND receipt.received_at < %(end)s AND {NOT_LOADED} AND coalesce({IS_KEPT}, true)
   AND receipt.organisation_id = coalesce(%(organisation_id)s, receipt.organisation_id)
 GROUP BY 1, 2 HAVING sum(receipt.entries - erased.entries) > 0
"""  # noqa: S608 - constants
ENTRIES = f"SELECT coalesce(sum(entries), 0)::bigint FROM ({KEPT_OF_DAYS}) AS kept"  # noqa: S608 - constants
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


def entries_before(organisation_id: int, moment: datetime) -> int:
    """Return how many entries of an organisation are stored that were received before `moment`."""
    [(entries,)] = fetch_all(ENTRIES, {"start": FIRST_MOMENT, "end": moment, "organisation_id": organisation_id})
    return int(entries)
