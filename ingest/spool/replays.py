"""Batches that were dead letters: they may be older than their organisation's rules, and are scrubbed by those of now.

What is stored then need not be as long as what was charged: the receipt says what was charged, the tally of erasure the
difference. Others were scrubbed before they came into the spool.
"""

from ingest.spool.table import Spooled
from privacy.policies import scrubber_of
from privacy.scrubbing import Findings
from storage.batch import Batch

#: What was found in batches now, by their ids.
Found = dict[int, Findings]


def scrubbed(row: Spooled, batch: Batch, found: Found) -> Batch:
    """Return the batch of a row as it may be stored, and note in `found` what was. Raises: `OperationalError`."""
    if not row.is_replayed or not batch.lines:
        return batch
    result = scrubber_of(row.organisation_id).scrub(b"\n".join(batch.lines))
    if result.findings:
        found[row.batch_id] = result.findings
    return batch.scrubbed(result.payload.split(b"\n")) if result.findings.changed else batch
