"""Batches as ClickHouse reads them: each line with what it does not say itself, and what all of them are counted by.

Lines are checked here, so that what is sent can be parsed; a document is passed on as the bytes that came.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import repeat

import msgspec

from foundation.levels import BY_NAME
from storage.batch import Batch, entry_id
from storage.clickhouse.rows import micros
from storage.entry import CanonicalEntry
from storage.errors import Refused
from storage.tally import MINUTE, Kind, Tally

_decode = msgspec.json.Decoder(CanonicalEntry).decode
_encode = msgspec.json.encode
_LEVELS = {name: level.value for name, level in BY_NAME.items()}
#: U+0000, and not the six characters that stand for it in a text.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def body_of(batches: Sequence[Batch], tally: Tally) -> bytes:
    """Return what `insert_entries.sql` reads, and count it in `tally`. Raises: `Refused`, which is proven."""
    try:
        return b"".join(row for batch in batches for row in _rows(batch, tally))
    except msgspec.MsgspecError as error:
        raise Refused(type(error).__name__, "an entry is not canonical") from error


def _rows(batch: Batch, tally: Tally) -> Iterator[bytes]:
    seen: list[Kind] = []
    shared = b'{"ll_owner":%d,"ll_received":%d,"ll_environment":%b,"ll_project":%b,"ll_edge":%b,"ll_id":' % (
        batch.organisation_id,
        micros(batch.received_at),
        _encode(batch.environment),
        _encode(batch.project),
        _encode(batch.edge),
    )
    keys = batch.error_keys or repeat(None, len(batch.lines))
    for index, line, key in zip(batch.indexes, batch.lines, keys, strict=True):
        entry = _decode(line)
        if b"\\u0000" in line and _NUL.search(line):
            raise Refused("NulError", "a text holds NUL")
        if line[:1] != b"{":
            raise Refused("ValidationError", "an entry is not canonical")
        environment = batch.environment if entry.environment is None else entry.environment
        project = batch.project if entry.project_id is None else entry.project_id
        seen.append((line[MINUTE], _LEVELS[entry.level], project, environment))
        head = b'%d,"ll_size":%d,"ll_key":%b,' % (
            entry_id(batch.batch_id, index),
            len(line),
            b"null" if key is None else b"%d" % key,
        )
        yield b"".join((shared, head, line[1:], b"\n"))
    tally.of(batch.organisation_id, batch.received_at).update(seen)  # all at once: counted in C
