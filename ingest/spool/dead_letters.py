"""Entries that the log store will not take: kept with their bytes and the reason, counted, and replayable."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from foundation.postgres import execute, fetch_all, stream
from ingest.models import DeadLetter
from ingest.spool import batch_ids, replays, storing
from ingest.spool.payload import PayloadError, pack, unpack
from ingest.spool.replays import Found
from ingest.spool.table import Spooled
from issues.grouping import Grouping
from quotas import allowance
from quotas.ledger import Amount
from storage import receipts
from storage.batch import HEAD, Batch
from storage.errors import Refused
from storage.store import Write, store, write_what_can_be
from storage.tally import Tally

HOPELESS_AFTER = 8
#: So many ids fill what the access log has room for.
NAMED = 100
#: A page shows so much of a letter.
GLANCE_CHARACTERS = 100_000

#: As `dead_letters` of one row.
COUNT = "SELECT count(*) AS dead_letters FROM ingest_deadletter"

#: A batch that kills even the worker that takes it apart is buried whole, without being read; one that somebody else
#: takes or buries meanwhile is left to them, and one whose id is in use waits for another. What a claim that lasts
#: holds may be in the log store already.
BURY_HOPELESS = f"""
WITH hopeless AS (
    DELETE FROM ingest_spooledbatch
     WHERE batch_id IN (SELECT batch_id FROM ingest_spooledbatch AS spooled WHERE attempts >= %(attempts)s
                           AND NOT (%(spares_claimed)s AND EXISTS (
                                    SELECT FROM ingest_drainclaim WHERE spooled.batch_id = ANY (batch_ids)))
                           AND NOT EXISTS (SELECT FROM ingest_deadletter AS dead WHERE dead.batch_id = spooled.batch_id)
                         ORDER BY batch_id FOR UPDATE SKIP LOCKED)
    RETURNING {", ".join(HEAD)}, entries, size_bytes, payload, last_error
)
INSERT INTO ingest_deadletter ({", ".join(HEAD)}, entries, size_bytes, payload, reason)
SELECT * FROM hopeless
"""  # noqa: S608 - constants
BURY_ONE = f"""
WITH refused AS (DELETE FROM ingest_spooledbatch WHERE batch_id = %(batch_id)s
                 RETURNING {", ".join(HEAD)}, entries, size_bytes, payload)
INSERT INTO ingest_deadletter ({", ".join(HEAD)}, entries, size_bytes, payload, reason)
SELECT refused.*, %(reason)s FROM refused
"""  # noqa: S608 - constants
#: Already charged, in the month it was received: a replay keeps the period and is received anew.
REPLAY = """
WITH dead AS (
    DELETE FROM ingest_deadletter WHERE id = %s
    RETURNING organisation_id, api_key_id, project, environment, period, entries, size_bytes, payload, edge,
              edge_received_at
)
INSERT INTO ingest_spooledbatch
      (batch_id, requests, is_replayed,
       organisation_id, api_key_id, project, environment, period, entries, size_bytes, payload, edge, edge_received_at)
SELECT %s, 0, true, dead.* FROM dead
"""
#: What an edge brought, and is not what its head says.
BURY_FORWARDED = """
INSERT INTO ingest_deadletter (batch_id, organisation_id, api_key_id, project, environment, received_at, period, edge,
                               edge_received_at, entries, size_bytes, payload, reason)
VALUES (%(batch_id)s, %(organisation_id)s, %(api_key_id)s, %(project)s, %(environment)s, now(), %(period)s, %(edge)s,
        %(edge_received_at)s, %(entries)s, %(size_bytes)s, %(payload)s, %(reason)s)
"""
AMOUNTS = """
SELECT organisation_id, period, sum(entries)::bigint, sum(size_bytes)::bigint
  FROM ingest_deadletter GROUP BY 1, 2 ORDER BY 1, 2
"""


BYTES_OF_KEYS = """
SELECT api_key_id, sum(size_bytes)::bigint FROM ingest_deadletter
 WHERE received_at >= %s AND received_at < %s AND api_key_id = ANY (%s) GROUP BY 1
"""
KEYS_OF = "SELECT DISTINCT api_key_id FROM ingest_deadletter WHERE id = ANY (%s)"


def take_apart(
    spooled: Iterable[Spooled], found: Found, tally: Tally, groups: Grouping, *, write: Write | None = None
) -> list[Batch]:
    """Store what can be stored of batches that failed too often, bury the rest, and return what was stored.

    `found` is as for `replays.scrubbed`; what is stored is added to `tally`, its errors to `groups`. `write` stores it,
    if not the log store by itself. In the caller's transaction. Raises: `Refused` when the log store refuses a plain
    entry in their place, too; `GroupingFailed`, `Unavailable`, `DatabaseError`.
    """
    write = write or store().writer.write
    return [kept for row in spooled if (kept := _keep_what_can_be_kept(row, found, tally, groups, write)).lines]


def bury_hopeless() -> int:
    """Bury the batches on which even taking apart failed; return how many."""
    spares_claimed = store().keeper is not None
    return execute(BURY_HOPELESS, {"attempts": HOPELESS_AFTER, "spares_claimed": spares_claimed})


def count() -> int:
    """Return how many dead letters wait for somebody to look at them."""
    [(number,)] = fetch_all(COUNT)
    return int(number)


def replay(dead_letter_ids: Sequence[int]) -> int:
    """Put dead letters back into the spool, uncharged; return how many were there.

    By id, so that two replays of the same letters do not wait for each other crosswise.
    """
    with transaction.atomic():
        allowance.received_anew([key for (key,) in fetch_all(KEYS_OF, [list(dead_letter_ids)])])
        return sum(execute(REPLAY, [letter_id, batch_ids.take()]) for letter_id in sorted(dead_letter_ids))


def bury_forwarded(batch: Mapping[str, Any], *, edge: str, reason: str) -> None:
    """Bury what an edge brought; `batch` is as for `forwarded.keep`. In the caller's transaction."""
    execute(BURY_FORWARDED, {**batch, "edge": edge, "reason": reason})


def bury_refused(batch_id: int, *, reason: str) -> int:
    """At an edge: bury a batch that its core refuses, in the caller's transaction; return 1 unless it has gone."""
    return execute(BURY_ONE, {"batch_id": batch_id, "reason": reason})


def amounts() -> Iterator[Amount]:
    """Yield what is dead, by organisation and month. In the caller's transaction, in bounded memory."""
    return (Amount(*row) for row in stream(AMOUNTS))


def bytes_of_keys(api_key_ids: Collection[int], *, since: datetime, until: datetime) -> dict[int, int]:
    """Return the bytes of these keys' dead letters that were received then."""
    return dict(fetch_all(BYTES_OF_KEYS, [since, until, list(api_key_ids)]))


def called(letters: QuerySet[DeadLetter]) -> str:
    """Return what the access log calls `letters`: by their ids, as far as there is room."""
    ids = letters.order_by("pk").values_list("pk", flat=True)[:NAMED]
    return "dead letters " + ", ".join(map(str, ids))


def readable(payload: bytes) -> str:
    """Return a dead letter's entries as NDJSON, or its raw bytes in hex when they cannot be unpacked."""
    try:
        return b"\n".join(unpack(payload)).decode(errors="backslashreplace")
    except PayloadError:
        return payload.hex()


def glance(payload: bytes) -> str:
    """Return the beginning of what `readable` returns, and say so when there is more."""
    text = readable(payload)
    if len(text) <= GLANCE_CHARACTERS:
        return text
    return f"{text[:GLANCE_CHARACTERS]}\n… {len(text) - GLANCE_CHARACTERS:,} characters more: export it."


def exported(dead_letter_ids: Iterable[int]) -> Iterator[str]:
    """Yield the entries of dead letters as NDJSON, in this order; one letter is in memory at a time."""
    for letter_id in dead_letter_ids:
        for payload in DeadLetter.objects.filter(pk=letter_id).values_list("payload", flat=True):
            yield readable(bytes(payload)) + "\n"


def _keep_what_can_be_kept(row: Spooled, found: Found, tally: Tally, groups: Grouping, write: Write) -> Batch:
    try:
        batch = row.batch()
    except PayloadError as error:
        _bury(row, payload=row.payload, entries=row.entries, size_bytes=row.size_bytes, reason=str(error))
        return row.empty_batch()
    [scrubbed] = groups.resolve([replays.scrubbed(row, batch, found)])
    refused = _refused(scrubbed, tally, write)
    if refused and storing.would_take(row) is False:
        raise next(iter(refused.values()))  # nobody's entries are taken there now: these are not to blame
    for index, why in refused.items():
        line = batch.lines[index]
        _bury(row, payload=pack(line), entries=1, size_bytes=len(line), reason=why.reason, position=index)
    kept = scrubbed.only([index for index in batch.indexes if index not in refused])
    if kept.lines:
        receipts.write([kept])
    return kept


def _refused(batch: Batch, tally: Tally, write: Write) -> dict[int, Refused]:
    """Store what the log store takes, and return why not the others; what is not proven is tried once more."""
    refused = write_what_can_be(batch, tally, write=write)
    for index in [index for index, why in refused.items() if not why.is_proven]:
        del refused[index]
        refused |= write_what_can_be(batch.only([index]), tally, write=write)
    return refused


def _bury(
    row: Spooled, *, payload: bytes, entries: int, size_bytes: int, reason: str, position: int | None = None
) -> None:
    DeadLetter.objects.create(
        **row.head(),
        position=position,
        entries=entries,
        size_bytes=size_bytes,
        payload=payload,
        reason=reason,
    )
