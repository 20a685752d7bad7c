"""What is known of archives of closed days: looked at, verified, forgotten. How one is written notes `archived`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models.functions import Now

from foundation.postgres import fetch_as
from storage.models import ArchivedDay, ArchivedPart

IN_ALL = """
SELECT count(*) AS archives, coalesce(sum(entries), 0)::bigint AS entries,
       coalesce(sum(object_bytes), 0)::bigint AS object_bytes, count(*) FILTER (WHERE wrong <> '') AS wrong
  FROM storage_archived_day WHERE written_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is known of the archive of a day."""

    organisation_id: int
    day: date
    archive: str
    written_at: datetime | None
    waits_since: datetime | None
    entries: int
    size_bytes: int
    parts: int
    object_bytes: int
    manifest_sha256: str
    tries: int
    last_error: str
    verified_at: datetime | None
    wrong: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """What all archives are together, and how many of them were found to be not what was written."""

    archives: int
    entries: int
    object_bytes: int
    wrong: int


def forget(organisation_id: int, day: date | None = None) -> int:
    """Forget that a day was archived, or any; return how many days that were."""
    of = {"organisation_id": organisation_id} | ({"day": day} if day else {})
    ArchivedPart.objects.filter(**of).delete()
    days, _ = ArchivedDay.objects.filter(**of).delete()
    return days


def note_verified(one: Archive, wrong: str) -> None:
    """Note that an archive was read and compared, and what was wrong, if anything; not of one written since."""
    rows = ArchivedDay.objects.filter(organisation_id=one.organisation_id, day=one.day, archive=one.archive)
    rows.update(verified_at=Now(), wrong=wrong[:200])


def of_day(organisation_id: int, day: date) -> Archive | None:
    """Return what is known of the archive of a day."""
    return next(known(organisation_id=organisation_id, day=day), None)


def known(
    *, organisation_id: int | None = None, day: date | None = None, waiting: bool | None = None
) -> Iterator[Archive]:
    """Yield what is known of archives, the newest days first; only of those that wait, or only of those written."""
    named = {"organisation_id": organisation_id, "day": day}
    rows = ArchivedDay.objects.filter(**{name: value for name, value in named.items() if value is not None})
    if waiting is not None:
        rows = rows.exclude(waits_since=None) if waiting else rows.exclude(written_at=None)
    for row in rows.order_by("-day", "organisation_id").iterator():
        yield Archive(
            row.organisation_id, row.day, row.archive, row.written_at, row.waits_since, row.entries or 0,
            row.size_bytes or 0, row.parts, row.object_bytes, row.manifest_sha256, row.tries, row.last_error,
            row.verified_at, row.wrong,
        )  # fmt: skip


def in_all() -> Sum:
    """Return what all archives are together."""
    return fetch_as(Sum, IN_ALL)
