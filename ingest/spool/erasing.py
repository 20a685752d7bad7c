"""What erasing needs of what is not in the log store: does anything still wait, and dead letters, rewritten in place.

A letter that changes says what it holds now, so that it can be replayed; what it lost is certified and erased at once,
so that the month still adds up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from msgspec import MsgspecError, structs

from foundation.postgres import execute, fetch_all
from ingest.spool import batch_ids
from ingest.spool.payload import PayloadError, pack, unpack
from storage import receipts
from storage.batch import HEAD, Batch, BatchHead
from storage.erasing import Taken

#: In one snapshot: whether anything received by then waits to be stored, and the dead letters that there are. What was
#: accepted by then is in the spool, in one of these, or in the store. A letter that was replayed is received anew.
LOOK = """
SELECT EXISTS (SELECT FROM ingest_spooledbatch
                WHERE organisation_id = %(organisation_id)s AND (received_at <= %(until)s OR is_replayed)),
       ARRAY(SELECT id FROM ingest_deadletter WHERE organisation_id = %(organisation_id)s ORDER BY id)
"""
IDS = "SELECT id FROM ingest_deadletter WHERE organisation_id = %s ORDER BY id"
WAITING = "SELECT count(*) FROM ingest_spooledbatch WHERE organisation_id = %s"
LETTER = f"""
SELECT {", ".join(HEAD)}, position, entries, size_bytes, payload
  FROM ingest_deadletter WHERE id = %s AND organisation_id = %s
"""  # noqa: S608 - constants
FORGET = "DELETE FROM ingest_deadletter WHERE id = %s"
REPLACE = "UPDATE ingest_deadletter SET entries = %s, size_bytes = %s, payload = %s WHERE id = %s"

#: What becomes of the lines of a batch: each is kept, replaced, or, where None is returned for it, erased.
Change = Callable[[Batch], Sequence[bytes | None]]


class Unreadable(Exception):
    """Nobody can tell what a dead letter holds: its bytes are no entries."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A dead letter; `position` is the index that its one entry had in its batch, where it holds one."""

    head: BatchHead
    position: int | None
    entries: int
    size_bytes: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What of an organisation's is in no log store: whether something waits, and the ids of its dead letters."""

    is_waiting: bool
    letter_ids: list[int]


def look(organisation_id: int, *, until: datetime) -> Look:
    """Look, in one snapshot, what received by `until` waits, and which dead letters there are."""
    [(is_waiting, letter_ids)] = fetch_all(LOOK, {"organisation_id": organisation_id, "until": until})
    return Look(is_waiting, list(letter_ids))


def ids(organisation_id: int) -> list[int]:
    """Return the ids of the organisation's dead letters."""
    return [letter_id for (letter_id,) in fetch_all(IDS, [organisation_id])]


def count_waiting(organisation_id: int) -> int:
    """Count the organisation's batches in the spool."""
    [(count,)] = fetch_all(WAITING, [organisation_id])
    return int(count)


def rewrite(
    letter_id: int, organisation_id: int, *, change: Change, note: Callable[[Taken], None] | None
) -> Taken | None:
    """Rewrite a dead letter, or delete one that nothing is left of; `note` it in the same transaction.

    Without a `note` it is only counted. None when it is not there any more. Raises: `Unreadable`.
    """
    with transaction.atomic():
        letter = _letter(letter_id, organisation_id, to_change=note is not None)
        if letter is None:
            return None
        before, after = _changed(letter, change)
        kept = [line for line in after if line is not None]
        if kept == before:
            return Taken()
        taken = Taken(
            entries=sum(old != new for old, new in zip(before, after, strict=True)),
            size_bytes=letter.size_bytes - sum(map(len, kept)),
        )
        if note:
            _replace(letter_id, kept)
            _certify(letter, entries=letter.entries - len(kept), size_bytes=taken.size_bytes)
            note(taken)
        return taken


def drop(letter_id: int, organisation_id: int, *, note: Callable[[Taken], None] | None) -> Taken | None:
    """Delete a dead letter, whether or not anybody can read it; else as `rewrite`."""
    with transaction.atomic():
        letter = _letter(letter_id, organisation_id, to_change=note is not None)
        if letter is None:
            return None
        taken = Taken(letter.entries, letter.size_bytes)
        if note:
            execute(FORGET, [letter_id])
            _certify(letter, entries=taken.entries, size_bytes=taken.size_bytes)
            note(taken)
        return taken


def _letter(letter_id: int, organisation_id: int, *, to_change: bool) -> _Letter | None:
    rows = fetch_all(LETTER + (" FOR UPDATE" if to_change else ""), [letter_id, organisation_id])
    if not rows:
        return None
    *head, position, entries, size_bytes, payload = rows[0]
    return _Letter(BatchHead(**dict(zip(HEAD, head, strict=True))), position, entries, size_bytes, bytes(payload))


def _certify(letter: _Letter, *, entries: int, size_bytes: int) -> None:
    """Account for what a letter has lost."""
    lost = structs.replace(letter.head, batch_id=batch_ids.take())
    receipts.certify_erased(lost, entries=entries, size_bytes=size_bytes)


def _changed(letter: _Letter, change: Change) -> tuple[list[bytes], Sequence[bytes | None]]:
    try:
        lines = unpack(letter.payload)
        indexes = range(len(lines)) if letter.position is None else [letter.position] * len(lines)
        batch = Batch(**letter.head.head(), lines=lines, indexes=indexes)
        return lines, change(batch)
    except (PayloadError, MsgspecError) as error:
        raise Unreadable from error


def _replace(letter_id: int, lines: Sequence[bytes]) -> None:
    if lines:
        execute(REPLACE, [len(lines), sum(map(len, lines)), pack(b"\n".join(lines)), letter_id])
    else:
        execute(FORGET, [letter_id])
