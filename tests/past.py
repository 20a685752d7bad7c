"""Batches that wait as if they had come earlier, for tests of what happens later."""

from datetime import timedelta

from foundation.postgres import execute
from ingest.spool import claims


def move_back(by: timedelta, *, where: str = "true") -> None:
    """Have batches in the spool, those that fulfil the SQL `where`, be received earlier; the next drain sees them all.

    A drain begins where those of a moment ago saw the oldest: nobody but tests moves a batch before that.
    """
    execute(f"UPDATE ingest_spooledbatch SET received_at = received_at - %s WHERE {where}", [by])
    claims.frontier.distrust()
