"""Ids of batches: unique for ever, without a round trip each. A process takes them in blocks of the sequence's step."""

import os
import threading
from collections.abc import Iterator

from foundation.postgres import fetch_one

BLOCK = 256  # the sequence's INCREMENT BY

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


def _forget() -> None:
    global _lock, _unused
    _lock, _unused = threading.Lock(), iter(())


os.register_at_fork(after_in_child=_forget)  # a block belongs to one process
