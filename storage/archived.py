"""Archives of closed days, as far as they are written: who writes them, and where to, is `archive`.

A day is archived when what was written is what its receipts say, and nothing of it was erased or rewritten since. Which
days are to be is in `unarchived`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from msgspec import Struct, structs

from foundation.postgres import execute, fetch_all, fetch_as
from storage.kept import KEPT_OF_DAYS
from storage.models import ArchivedDay, ArchivedPart, Archiving
from storage.receipts import NOT_LOADED
from storage.store import Place

#: So many batches are found at once.
WINDOW_BATCHES = 20_000

#: Of an archive that could not be written again, because retention was quicker.
TOO_LATE = "Entries were changed when the log store had them no more: the archive holds them as they were."

KEPT = f"SELECT entries, size_bytes FROM ({KEPT_OF_DAYS}) AS kept"  # noqa: S608 - constants
#: receipt_received_at serves the day.
MINUTES = f"""
SELECT date_trunc('minute', received_at), count(*) FROM storage_receipt AS receipt
 WHERE organisation_id = %s AND received_at >= %s AND received_at < %s AND {NOT_LOADED} GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants
BATCHES = f"""
SELECT batch_id, received_at, size_bytes FROM storage_receipt AS receipt
 WHERE organisation_id = %s AND received_at >= %s AND received_at < %s AND {NOT_LOADED} ORDER BY received_at, batch_id
"""  # noqa: S608 - constants
#: As columns of one row, for a scrape: all of it is small or indexed.
STANDING = """
SELECT (SELECT count(*) FROM storage_archived_day WHERE waits_since IS NOT NULL) AS archive_waiting_days,
       coalesce((SELECT extract(epoch FROM now() - min(waits_since)) FROM storage_archived_day
                  WHERE waits_since IS NOT NULL), 0)::float8 AS archive_oldest_seconds,
       coalesce((SELECT extract(epoch FROM now() - looked_at) FROM storage_archiving), -1)::float8
           AS archive_looked_seconds,
       coalesce((SELECT extract(epoch FROM now() - written_at) FROM storage_archiving), -1)::float8
           AS archive_written_seconds
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How many days wait to be archived, and for how long; seconds since somebody looked, and wrote a day (or -1)."""

    archive_waiting_days: int
    archive_oldest_seconds: float
    archive_looked_seconds: float
    archive_written_seconds: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What the receipts say is stored of a day."""

    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Due:
    """A day of an organisation that is to be archived; `attempt` is the archive that was begun, if it goes on."""

    organisation_id: int
    day: date
    version: int
    attempt: str
    attempt_version: int

    @property
    def goes_on(self) -> bool:
        """Whether what was written of it is still right."""
        return bool(self.attempt) and self.version == self.attempt_version


@dataclass(frozen=True, slots=True)
class Written:
    """What was made of a day."""

    parts: int
    object_bytes: int
    manifest_sha256: str


class Part(Struct, frozen=True, kw_only=True):
    """Lines in one object: how many, what was charged for them, and digests (SHA-256) before and after compression."""

    name: str
    entries: int
    size_bytes: int
    text_bytes: int
    text_sha256: str
    object_bytes: int
    object_sha256: str


@dataclass(frozen=True, slots=True)
class Sized:
    """Where a batch lies, and the bytes that were charged for it."""

    place: Place
    size_bytes: int


def is_on() -> bool:
    """Tell whether days are archived before they go."""
    return bool(settings.ARCHIVE_URL)


def begin(one: Due, *, attempt: str) -> None:
    """Begin an archive of a day anew, by this name."""
    with transaction.atomic():
        ArchivedPart.objects.filter(organisation_id=one.organisation_id, day=one.day).delete()
        _row(one).update(attempt=attempt, attempt_version=one.version)


def parts(one: Due) -> list[Part]:
    """Return the parts that are written, in order."""
    rows = ArchivedPart.objects.filter(organisation_id=one.organisation_id, day=one.day).order_by("number")
    return [Part(**values) for values in rows.values(*Part.__struct_fields__)]


def last_place(one: Due) -> tuple[datetime, int] | None:
    """Return when the last batch of the parts that are written was received, and its id."""
    rows = ArchivedPart.objects.filter(organisation_id=one.organisation_id, day=one.day).order_by("-number")
    return rows.values_list("through_received_at", "through_batch_id").first()


def note_part(one: Due, number: int, part: Part, *, through: Sized) -> None:
    """Note that a part is written, up to the batch `through`."""
    ArchivedPart.objects.create(
        organisation_id=one.organisation_id,
        day=one.day,
        number=number,
        through_received_at=through.place.received_at,
        through_batch_id=through.place.batch_id,
        **structs.asdict(part),
    )


def kept(organisation_id: int, day: date) -> Kept | None:
    """Return what is kept of a day as it was received then; None when that is nothing."""
    with at_length():
        rows = fetch_all(KEPT, range_of(day, day + timedelta(days=1), organisation_id))
    return Kept(*rows[0]) if rows else None


def finish(one: Due, written: Written, said: Kept) -> bool:
    """Note that a day is archived whole; false if it was changed since it was begun: then it is written again."""
    with transaction.atomic():
        done = _row(one).filter(version=one.version).update(
            archive=one.attempt, attempt="", waits_since=None, tries=0, last_error="", written_at=Now(),
            entries=said.entries, size_bytes=said.size_bytes, parts=written.parts,
            object_bytes=written.object_bytes, manifest_sha256=written.manifest_sha256, verified_at=None, wrong="",
        )  # fmt: skip
        if done:
            ArchivedPart.objects.filter(organisation_id=one.organisation_id, day=one.day).delete()
            Archiving.objects.get_or_create(id=1)
            execute("UPDATE storage_archiving SET written_at = now()")
        return bool(done)


def give_up(one: Due) -> None:
    """Note that nothing is left of a day to be written; what was written of it before stays."""
    with transaction.atomic():
        ArchivedPart.objects.filter(organisation_id=one.organisation_id, day=one.day).delete()
        _row(one).filter(archive="").delete()
        _row(one).update(waits_since=None, attempt="", tries=0, last_error=TOO_LATE)


def fail(one: Due, why: str, *, begin_anew: bool) -> None:
    """Note why a day could not be written; `begin_anew` where what is written of it is not to be trusted."""
    execute(
        "UPDATE storage_archived_day SET tries = tries + 1, tried_at = now(), last_error = %s,"
        " attempt = CASE WHEN %s THEN '' ELSE attempt END WHERE organisation_id = %s AND day = %s",
        [why[:200], begin_anew, one.organisation_id, one.day],
    )


def batches(organisation_id: int, day: date, *, after: tuple[datetime, int] | None) -> Iterator[list[Sized]]:
    """Yield the batches of a day beyond `after` in the order of receipt, so many at once as memory should hold."""
    start = after[0] if after else datetime.combine(day, time.min, UTC)
    for first, end in _windows(organisation_id, start, datetime.combine(day + timedelta(days=1), time.min, UTC)):
        rows = fetch_all(BATCHES, [organisation_id, first, end])
        yield [
            Sized(Place(batch_id, received_at), size_bytes)
            for batch_id, received_at, size_bytes in rows
            if after is None or (received_at, batch_id) > after
        ]


def standing() -> Standing:
    """Tell how archiving stands."""
    return fetch_as(Standing, STANDING)


def _windows(organisation_id: int, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield stretches of time that hold about `WINDOW_BATCHES` at most: whole minutes, but for the first."""
    with at_length():
        minutes = fetch_all(MINUTES, [organisation_id, start, end])
    first, held = start, 0
    for minute, number in minutes:
        if held and held + number > WINDOW_BATCHES:
            yield first, minute
            first, held = minute, 0
        held += number
    if held:
        yield first, end


def range_of(first: date, end: date, organisation_id: int | None = None) -> dict[str, Any]:
    return {
        "start": datetime.combine(first, time.min, UTC),
        "end": datetime.combine(end, time.min, UTC),
        "organisation_id": organisation_id,
    }


@contextmanager
def at_length() -> Iterator[None]:
    """Let statements take as long as they do: a day of ten million receipts takes minutes."""
    with transaction.atomic():
        execute("SET LOCAL statement_timeout = 0")
        yield


def _row(one: Due) -> Any:
    return ArchivedDay.objects.filter(organisation_id=one.organisation_id, day=one.day)
