"""What was read back from archives: kept until its days are over, and left out of all that plans and ledgers count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Min, QuerySet
from django.db.models.functions import Greatest, Now

from foundation.faults import reach
from storage import receipts
from storage.batch import Batch, head_of
from storage.errors import Unavailable
from storage.leaving import may_leave
from storage.models import LoadedPart
from storage.store import store


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an archive: its number, and what is in it."""

    archive: str
    number: int
    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A part that is loaded, or comes: the ids and the time of receipt that it has for good."""

    pk: int
    organisation_id: int
    archive: str
    batch_ids: Sequence[int]
    received_at: datetime
    kept_until: datetime
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What is loaded of an archived day of an organisation."""

    organisation_id: int
    day: date
    archive: str
    parts: int
    entries: int
    size_bytes: int
    kept_until: datetime


def of_day(organisation_id: int, day: date) -> dict[int, Claim]:
    """Return the parts of a day that are loaded, or begun, by their numbers."""
    return {row.number: _claim(row) for row in LoadedPart.objects.filter(organisation_id=organisation_id, day=day)}


def claim(
    organisation_id: int, day: date, part: Part, *, batch_ids: Sequence[int], received_at: datetime, until: datetime
) -> Claim:
    """Claim a part to be stored; who comes second, or goes on, gets the claim of who was first."""
    row, _ = LoadedPart.objects.get_or_create(
        organisation_id=organisation_id,
        day=day,
        number=part.number,
        defaults={
            "archive": part.archive,
            "received_at": received_at,
            "batch_ids": list(batch_ids),
            "entries": part.entries,
            "size_bytes": part.size_bytes,
            "kept_until": until,
        },
    )
    return _claim(row)


def keep(row: Claim, batches: Sequence[Batch]) -> None:
    """Store the entries of a part that was claimed; again is harmless, and goes on where a kill has ended it.

    Raises: `Unavailable`, `Refused`.
    """
    writer = store().writer
    if writer.joins_transaction:
        with transaction.atomic():
            if _held(row) is not None:
                receipts.write_loaded(batches, part_id=row.pk)
                writer.write(batches)
                _note_whole(row)
                reach("before_loaded_commit")
        return
    with transaction.atomic():  # receipts first: nothing is ever stored without one
        if (held := _held(row)) is None:
            return
        if not receipts.among([batch.batch_id for batch in batches]):
            receipts.write_loaded(batches, part_id=held.pk)
    writer.write(batches)
    reach("before_loaded_commit")
    _note_whole(row)


def extend(organisation_id: int, day: date, *, until: datetime) -> None:
    """Keep what is loaded of a day until then, if it would go before."""
    rows = LoadedPart.objects.filter(organisation_id=organisation_id, day=day)
    rows.update(kept_until=Greatest("kept_until", until))


def end(organisation_id: int, day: date) -> int:
    """Take what is loaded of a day out again, now; return how many parts. Raises: `Unavailable`."""
    with may_leave() as may:
        if not may:
            raise Unavailable(retry_after_seconds=60)
        return _forget_all(LoadedPart.objects.filter(organisation_id=organisation_id, day=day))


def forget() -> int:
    """Take out what has been kept for its days, but while the log store is backed up; return how many parts.

    Raises: `Unavailable`.
    """
    with may_leave() as may:
        return _forget_all(LoadedPart.objects.filter(kept_until__lt=Now())) if may else 0


def first_day() -> date | None:
    """Return the first day of receipt that holds anything that was loaded: no day from then on is dropped."""
    first = LoadedPart.objects.aggregate(first=Min("received_at"))["first"]
    return first.astimezone(UTC).date() if first else None


def batch_ids(organisation_id: int, *, before: datetime) -> list[int]:
    """Return the batches received before then that no plan's retention is to touch."""
    rows = LoadedPart.objects.filter(organisation_id=organisation_id, received_at__lt=before)
    return [batch_id for ids in rows.values_list("batch_ids", flat=True) for batch_id in ids]


def standing() -> list[Standing]:
    """Return what is loaded, day by day."""
    found: dict[tuple[int, date], Standing] = {}
    for row in LoadedPart.objects.filter(is_whole=True).order_by("organisation_id", "day", "number"):
        so_far = found.get((row.organisation_id, row.day))
        parts, entries, size_bytes = (so_far.parts, so_far.entries, so_far.size_bytes) if so_far else (0, 0, 0)
        found[row.organisation_id, row.day] = Standing(
            row.organisation_id, row.day, row.archive, parts + 1, entries + row.entries, size_bytes + row.size_bytes,
            row.kept_until,
        )  # fmt: skip
    return list(found.values())


def _claim(row: LoadedPart) -> Claim:
    return Claim(
        row.pk, row.organisation_id, row.archive, tuple(row.batch_ids), row.received_at, row.kept_until, row.is_whole
    )


def _held(row: Claim) -> LoadedPart | None:
    """Lock a part that is not whole; None when somebody was quicker, or took it out."""
    return LoadedPart.objects.select_for_update().filter(pk=row.pk, is_whole=False).first()


def _note_whole(row: Claim) -> None:
    LoadedPart.objects.filter(pk=row.pk).update(is_whole=True)


def _forget_all(loaded: QuerySet[LoadedPart]) -> int:
    rows = list(loaded.order_by("id"))
    for row in rows:
        _forget(row)
    return len(rows)


def _forget(row: LoadedPart) -> None:
    """Take a part out: first it is said to go, so that nobody misses it; whoever is interrupted begins again."""
    LoadedPart.objects.filter(pk=row.pk).update(is_whole=False, kept_until=Now())
    heads = [head_of(batch_id, row.organisation_id, row.received_at) for batch_id in row.batch_ids]
    writer = store().writer
    if not writer.joins_transaction:
        writer.remove(heads)
        reach("after_loaded_removal")
    with transaction.atomic():
        receipts.forget_loaded(row.pk)
        if writer.joins_transaction:
            writer.remove(heads)
            reach("after_loaded_removal")
        LoadedPart.objects.filter(pk=row.pk).delete()
