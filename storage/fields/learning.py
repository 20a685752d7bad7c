"""Learning what entries look like: a drain notes a sample of what it stores, and a task learns from it a little later.

What a drain notes nobody else can know yet: it waits for nobody, and nobody for it. One learns at a time.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import structlog
from django.db import transaction

from foundation.postgres import execute, fetch_all
from storage.batch import Batch
from storage.fields.contract import Contract, Drift, Field, Memory
from storage.fields.sampling import Sample, samples_of

log = structlog.get_logger(__name__)

#: Of an organisation in a transaction: what so many drains have noted.
NOTES_AT_ONCE = 100
#: Of an organisation; entries of others are not learnt from.
MOST_PROJECTS = 200

NOTE = """
INSERT INTO storage_field_sample (organisation_id, samples)
SELECT * FROM unnest(%s::bigint[], %s::bytea[])
"""
OF_WHOM = "SELECT DISTINCT organisation_id FROM storage_field_sample ORDER BY 1"
TAKE = """
DELETE FROM storage_field_sample
 WHERE id = ANY (ARRAY(SELECT id FROM storage_field_sample WHERE organisation_id = %s
                        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING id, samples
"""
KNOWN = """
SELECT path, extract(epoch FROM first_at)::bigint, first_entry, extract(epoch FROM last_at)::bigint, last_entry, memory
  FROM storage_field WHERE organisation_id = %s AND project = %s ORDER BY path FOR UPDATE
"""
PROJECTS = "SELECT count(DISTINCT project) FROM storage_field WHERE organisation_id = %s"
KEEP = """
INSERT INTO storage_field AS kept (organisation_id, project, path, first_at, first_entry, last_at, last_entry, memory)
SELECT %s, %s, path, to_timestamp(first_at), first_entry, to_timestamp(last_at), last_entry, memory
  FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[])
       AS learnt(path, first_at, first_entry, last_at, last_entry, memory)
 ORDER BY path
    ON CONFLICT (organisation_id, project, path) DO UPDATE
   SET last_at = excluded.last_at, last_entry = excluded.last_entry, memory = excluded.memory
"""
TELL = """
INSERT INTO storage_drift (organisation_id, project, environment, path, what, was, became, entry_id, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_pack = msgspec.msgpack.encode
_samples = msgspec.msgpack.Decoder(list[Sample]).decode
_memory = msgspec.msgpack.Decoder(Memory).decode


def note(batches: Sequence[Batch]) -> None:
    """Note what a sample of stored entries looks like. In the caller's transaction; it can refuse no entry."""
    try:
        found = samples_of(batches)
    except Exception as error:  # a fault of ours is no batch's: they are stored, and nothing is learnt from them
        log.error("sampling_failed", error=type(error).__name__)
        return
    if found:
        execute(NOTE, [list(found), [_pack(samples) for samples in found.values()]])


def learn() -> int:
    """Learn from all that was noted; return how many samples that were. Each transaction is an organisation's."""
    return sum(_learn_of(organisation_id) for (organisation_id,) in fetch_all(OF_WHOM))


def _learn_of(organisation_id: int) -> int:
    learnt, taken = 0, NOTES_AT_ONCE
    while taken == NOTES_AT_ONCE:
        with transaction.atomic():
            rows = sorted(fetch_all(TAKE, [organisation_id, NOTES_AT_ONCE]))
            samples = [sample for _, noted in rows for sample in _samples(bytes(noted))]
            for project in sorted({sample.project for sample in samples}):
                _learn_from(organisation_id, project, [one for one in samples if one.project == project])
        taken, learnt = len(rows), learnt + len(samples)
    return learnt


def _learn_from(organisation_id: int, project: str, samples: Sequence[Sample]) -> None:
    contract = Contract({row[0]: Field(*row[:5], _memory(bytes(row[5]))) for row in _known(organisation_id, project)})
    if not contract.fields and fetch_all(PROJECTS, [organisation_id])[0][0] >= MOST_PROJECTS:
        return
    drifts = [drift for sample in samples for drift in contract.learn(sample)]
    _keep(organisation_id, project, [contract.fields[path] for path in sorted(contract.changed)])
    for one in drifts:
        _tell(organisation_id, project, one)


def _known(organisation_id: int, project: str) -> Iterable[tuple[str, int, int, int, int, bytes]]:
    return fetch_all(KNOWN, [organisation_id, project])


def _keep(organisation_id: int, project: str, fields: Sequence[Field]) -> None:
    if not fields:
        return
    rows = [(one.path, one.first_at, one.first_entry, one.last_at, one.last_entry, _pack(one.memory)) for one in fields]
    execute(KEEP, [organisation_id, project, *(list(column) for column in zip(*rows, strict=True))])


def _tell(organisation_id: int, project: str, one: Drift) -> None:
    at = datetime.fromtimestamp(one.at, UTC)
    execute(
        TELL,
        [organisation_id, project, one.environment, one.path, one.what, one.was, one.became, one.entry_id, at],
    )
