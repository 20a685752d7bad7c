"""Taking entries out of what is stored, or rewriting them, so that the ledger stays provable: see `receipts.OF_DAY`.

Each group of batches is a transaction: it deletes or rewrites, writes the tally of erasure, and takes back from the
rollups. A store that does not join it deletes after the commit: until then what leaves is noted, and whoever comes next
to the organisation's entries deletes it first.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from foundation.faults import reach
from foundation.postgres import execute
from storage import receipts, rollups, unarchived, unrolled
from storage.batch import ENTRIES_A_BATCH
from storage.conditions import EVERYTHING, Condition
from storage.found import FoundEntry
from storage.leaving import leave
from storage.models import Leaving
from storage.store import Place, store
from storage.tally import Kind, Tally

#: Of those who take out entries of an organisation.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('storage.delete', %s))"
#: What a transaction looks at, at most; a batch is never larger.
GROUP_BATCHES, GROUP_BYTES = 200, 8 * 2**20


@dataclass(frozen=True, slots=True)
class Taken:
    """How many entries were erased or changed, and the bytes that are not stored any more: signed."""

    entries: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry that goes, or changes: of which kind, and how large, it was."""

    id: int
    received_at: datetime
    kind: Kind
    size_bytes: int
    is_counted: bool


def groups(organisation_id: int, places: Sequence[Place]) -> Iterator[list[Place]]:
    """Yield places in groups, each for a transaction."""
    for start in range(0, len(places), GROUP_BATCHES):
        some = places[start : start + GROUP_BATCHES]
        sizes = receipts.standing(organisation_id, [place.batch_id for place in some])
        group: list[Place] = []
        size_bytes = 0
        for place in some:
            more = sizes[place.batch_id].size_bytes if place.batch_id in sizes else 0
            if group and size_bytes + more > GROUP_BYTES:
                yield group
                group, size_bytes = [], 0
            group.append(place)
            size_bytes += more
        yield group


def erase(
    organisation_id: int,
    places: Sequence[Place],
    condition: Condition,
    *,
    fits: Callable[[FoundEntry], bool],
    uncount: Callable[[int, Sequence[FoundEntry]], object],
    note: Callable[[Taken], None],
) -> Taken:
    """Erase the entries at `places` that fulfil `condition` and fit; `note` it in the same transaction.

    `uncount` takes them out of what an organisation's errors are counted in. Raises: `Unavailable`, `DatabaseError`.
    """
    with _turn(organisation_id, places):
        _delete_leaving(organisation_id)
        found = [entry for entry in store().eraser.found_in(organisation_id, places, condition) if fits(entry)]
        parts = [_part(entry) for entry in found]
        gone = _taken_out(organisation_id, [(part.id, part.received_at) for part in parts])
        parts = [part for part in parts if part.id in gone]
        taken = Taken(len(parts), sum(part.size_bytes for part in parts))
        reach("after_erasing")
        less = [(part, 1, part.size_bytes) for part in parts]
        _account(organisation_id, less, moved=[(part, -1) for part in parts])
        uncount(organisation_id, [entry for entry in found if entry.id in gone])
        note(taken)
        reach("before_erasing_commit")
    with transaction.atomic():
        _delete_leaving(organisation_id)
    return taken


def rewrite(
    organisation_id: int,
    places: Sequence[Place],
    *,
    change: Callable[[Sequence[FoundEntry]], Sequence[FoundEntry]],
    note: Callable[[Taken], None],
) -> Taken:
    """Put what `change` returns in the place of entries at `places`: those that are to change, with the same ids.

    As `erase`; the bytes are those that there are less.
    """
    with _turn(organisation_id, places):
        before = {entry.id: entry for entry in store().eraser.found_in(organisation_id, places, EVERYTHING)}
        after = change(list(before.values()))
        changed = store().eraser.rewrite(organisation_id, after)
        after = [entry for entry in after if entry.id in changed]
        less = {entry.id: before[entry.id].size_bytes - entry.size_bytes for entry in after}
        taken = Taken(len(after), sum(less.values()))
        reach("after_erasing")
        pairs = [(_part(before[entry.id]), _part(entry)) for entry in after]
        moved = [(part, number) for old, new in pairs if old.kind != new.kind for part, number in ((old, -1), (new, 1))]
        _account(organisation_id, [(old, 0, less[old.id]) for old, _ in pairs], moved=moved)
        note(taken)
        reach("before_erasing_commit")
    return taken


def _taken_out(organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
    """Delete entries, or note that they leave; return the ids of those that do."""
    if store().keeper is None:
        return store().eraser.erase(organisation_id, entries)
    if entries:
        ids, times = (list(column) for column in zip(*entries, strict=True))
        Leaving.objects.create(organisation_id=organisation_id, entry_ids=ids, received_at=times)
    return {id_ for id_, _ in entries}


def _delete_leaving(organisation_id: int) -> None:
    """Delete what a store that does not join is yet to delete. In the caller's transaction, one at a time."""
    if store().keeper is None:
        return
    leave()
    execute(TAKE_TURN, [organisation_id])
    for row in Leaving.objects.filter(organisation_id=organisation_id):
        store().eraser.erase(organisation_id, list(zip(row.entry_ids, row.received_at, strict=True)))
        row.delete()


def delete_all_leaving() -> None:
    """Delete what was accounted for as erased, of whichever organisation, and is still there. Raises: `Unavailable`."""
    for organisation_id in Leaving.objects.values_list("organisation_id", flat=True).distinct():
        with transaction.atomic():
            _delete_leaving(organisation_id)


@contextmanager
def _turn(organisation_id: int, places: Sequence[Place]) -> Iterator[None]:
    """Open a transaction beside which nobody rolls up, or groups, what is there: what counts it is known to its end."""
    with transaction.atomic():
        execute(unrolled.TAKE_TURN)
        receipts.hold(organisation_id, [place.batch_id for place in places])
        yield


def _account(
    organisation_id: int, less: Sequence[tuple[_Part, int, int]], *, moved: Sequence[tuple[_Part, int]]
) -> None:
    """Write the tally of erasure, of entries and bytes less, and correct the rollups by what has `moved`, signed."""
    entries, size_bytes, errors = Counter[int](), Counter[int](), Counter[int]()
    for part, number, less_bytes in less:
        entries[part.id // ENTRIES_A_BATCH] += number
        size_bytes[part.id // ENTRIES_A_BATCH] += less_bytes
        errors[part.id // ENTRIES_A_BATCH] += number * part.is_counted
    stood = receipts.standing(organisation_id, list(entries))
    rows = [(one, organisation_id, entries[one], size_bytes[one], errors[one]) for one in sorted(stood)]
    receipts.erase([row for row in rows if any(row[2:])])
    unarchived.change(organisation_id, {part.received_at.astimezone(UTC).date() for part, _, _ in less})
    tally = Tally()
    for part, number in moved:
        standing = stood.get(part.id // ENTRIES_A_BATCH)
        if standing and standing.is_rolled_up and standing.received_at == part.received_at:
            tally.of(organisation_id, part.received_at)[part.kind] += number
    rollups.correct(tally)


def _part(entry: FoundEntry) -> _Part:
    minute = entry.timestamp.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes").encode()
    kind = (minute, entry.level, entry.project, entry.environment)
    return _Part(entry.id, entry.received_at, kind, entry.size_bytes, is_counted=entry.error_key is not None)
