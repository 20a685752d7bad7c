"""Ids of batches: unique for ever, without a round trip each. A process takes them in blocks of the sequence's step."""

import os
import threading
from collections.abc import Iterator

from foundation.postgres import execute, fetch_one
from storage.receipts import LAST_ID

BLOCK = 256  # the sequence's INCREMENT BY
#: One at a time, and never back.
SKIP_USED = f"""
SELECT setval('ingest_batch_id', used.last_id)
  FROM (SELECT pg_advisory_xact_lock(hashtext('ingest.batch_ids'))) AS turn,
       LATERAL (SELECT greatest(({LAST_ID}), (SELECT max(batch_id) FROM ingest_spooledbatch),
                                (SELECT max(batch_id) FROM ingest_deadletter)) AS last_id) AS used
 WHERE used.last_id > coalesce(pg_sequence_last_value('ingest_batch_id'), 0)
"""  # noqa: S608 - constants

_lock = threading.Lock()
_unused: Iterator[int] = iter(())


def take() -> int:
    """Return an id that no other batch has or will have; a process that dies wastes the rest of its block."""
    global _unused
    with _lock:
        batch_id = next(_unused, None)
        if batch_id is None:
            row = fetch_one("SELECT nextval('ingest_batch_id')", ())
            assert row
            _unused = iter(range(row[0], row[0] + BLOCK))
            batch_id = next(_unused)
        return batch_id


def take_unused() -> int:
    """As `take`, when ids have been given out twice: from beyond all that were ever used. In the caller's transaction.

    Whoever is to call it needs UPDATE on the sequence; others' blocks are used up meanwhile.
    """
    global _unused
    with _lock:
        execute(SKIP_USED)
        _unused = iter(())
    return take()


def _forget() -> None:
    global _lock, _unused
    _lock, _unused = threading.Lock(), iter(())


os.register_at_fork(after_in_child=_forget)  # a block belongs to one process
