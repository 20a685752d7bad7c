"""The ledger against the log store: does everything that was charged sit exactly where it should?

Read only, in one snapshot, so that it may run on a live system. Every query returns what is wrong.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from foundation.postgres import execute, fetch_all
from storage.batch import ENTRIES_A_BATCH

SHOWN = 1000


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule and the query for what breaks it: rows of organisation, subject, expected, found."""

    name: str
    rule: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One breach of a rule."""

    check: str
    organisation_id: int
    subject: str
    expected: str
    found: str


STORED = f"""
SELECT id / {ENTRIES_A_BATCH} AS batch_id, organisation_id, count(*) AS entries, sum(size_bytes) AS size_bytes
  FROM storage_logentry GROUP BY 1, 2
"""  # noqa: S608 - constants only

CHECKS = [
    Check(
        name="receipt",
        rule="Each receipt's entries and bytes are those stored, as long as retention keeps them.",
        query=f"""
SELECT receipt.organisation_id, 'batch ' || receipt.batch_id,
       receipt.entries || ' entries, ' || receipt.size_bytes || ' bytes',
       coalesce(stored.entries, 0) || ' entries, ' || coalesce(stored.size_bytes, 0) || ' bytes'
  FROM storage_receipt AS receipt
  LEFT JOIN ({STORED}) AS stored USING (batch_id, organisation_id)
  LEFT JOIN storage_retention AS retention ON retention.organisation_id = receipt.organisation_id
 WHERE receipt.received_at >= coalesce(retention.emptied_before, '-infinity')
   AND receipt.received_at::date > coalesce((SELECT max(day) FROM storage_droppedpartition), '-infinity')
   AND (receipt.entries, receipt.size_bytes) IS DISTINCT FROM (stored.entries, stored.size_bytes)
   AND receipt.entries > 0
""",  # noqa: S608 - constants only
    ),
    Check(
        name="usage",
        rule="What a month was charged is what sits in the spool, in the log store's receipts and in dead letters.",
        query="""
SELECT coalesce(usage.organisation_id, kept.organisation_id),
       'month ' || to_char(coalesce(usage.period, kept.period), 'YYYY-MM'),
       coalesce(usage.entries, 0) || ' entries, ' || coalesce(usage.used_bytes, 0) || ' bytes charged',
       coalesce(kept.entries, 0) || ' entries, ' || coalesce(kept.size_bytes, 0) || ' bytes kept'
  FROM quotas_monthlyusage AS usage
  FULL JOIN (
       SELECT organisation_id, period, sum(entries) AS entries, sum(size_bytes) AS size_bytes
         FROM (SELECT organisation_id, period, entries, size_bytes FROM ingest_spooledbatch
               UNION ALL SELECT organisation_id, period, entries, size_bytes FROM storage_receipt
               UNION ALL SELECT organisation_id, period, entries, size_bytes FROM ingest_deadletter) AS place
        GROUP BY 1, 2
       ) AS kept USING (organisation_id, period)
 WHERE (coalesce(usage.entries, 0), coalesce(usage.used_bytes, 0))
       IS DISTINCT FROM (coalesce(kept.entries, 0), coalesce(kept.size_bytes, 0))
""",
    ),
    Check(
        name="duplicate",
        rule="No entry is stored twice.",
        query="""
SELECT min(organisation_id), 'entry ' || id, '1', count(*)::text
  FROM storage_logentry GROUP BY id HAVING count(*) > 1
""",
    ),
    Check(
        name="orphan",
        rule="Each stored entry belongs to a batch with a receipt of the same organisation.",
        query=f"""
SELECT stored.organisation_id, 'batch ' || stored.batch_id, 'a receipt', stored.entries || ' entries without one'
  FROM ({STORED}) AS stored
 WHERE NOT EXISTS (
       SELECT FROM storage_receipt AS receipt
        WHERE receipt.batch_id = stored.batch_id AND receipt.organisation_id = stored.organisation_id)
""",  # noqa: S608 - constants only
    ),
    Check(
        name="two_places",
        rule="No batch is both in the spool and in the log store.",
        query="""
SELECT organisation_id, 'batch ' || batch_id, 'one place', 'spool and log store'
  FROM ingest_spooledbatch JOIN storage_receipt USING (batch_id, organisation_id)
""",
    ),
]


def verify() -> list[Finding]:
    """Run all checks in one snapshot; return what they found, at most `SHOWN` of each."""
    with transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        execute("SET LOCAL statement_timeout = 0")
        return [finding for check in CHECKS for finding in _findings(check)]


def _findings(check: Check) -> list[Finding]:
    return [_finding(check, row) for row in fetch_all(f"{check.query} ORDER BY 1, 2 LIMIT {SHOWN}")]


def _finding(check: Check, row: tuple[Any, ...]) -> Finding:
    organisation_id, subject, expected, found = row
    return Finding(check=check.name, organisation_id=organisation_id, subject=subject, expected=expected, found=found)
