"""Writing closed days, one organisation's after the other: part by part, then the manifest, then the note that it is.

Whoever is killed leaves parts that the next one goes on behind. A day whose entries change meanwhile, or whose receipts
say anything else in the end than what was written, is not archived, and is written again.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time

import structlog
from django.db import transaction

from accounts.models import Organisation
from archive import manifest as manifests
from archive.errors import ArchiveError, UnreachableError
from archive.manifest import Manifest
from archive.parts import SUFFIX, Draft
from archive.place import Place, place
from foundation.alone import alone
from foundation.faults import reach
from foundation.postgres import current_day, current_time
from ingest.spool import backlog
from storage import archived, unarchived
from storage.archived import Due, Kept, Sized, Written
from storage.conditions import EVERYTHING
from storage.errors import Unavailable
from storage.found import FoundEntry
from storage.store import store

log = structlog.get_logger(__name__)

LOCK = "archive.writing"
#: A day is written so long after it was closed, once the spool holds nothing of it; or whatever the spool holds.
SETTLED_AFTER, AT_THE_LATEST = timedelta(minutes=15), timedelta(hours=6)
#: Of entries that are in memory at once.
GROUP_BATCHES, GROUP_BYTES = 200, 8 * 2**20


class ChangedError(ArchiveError):
    """What was written of a day is not what its receipts say."""


def look(*, budget_seconds: float) -> int:
    """Note the days that have closed, and write what is due until the time is up; return how many days were written.

    One at a time, whoever else looks.
    """
    with alone(LOCK) as is_alone:
        if not is_alone:
            return 0
        _plan()
        unarchived.note_look()
        return _write_due(time.monotonic() + budget_seconds)


def write(organisation_id: int | None, day: date | None, *, as_it_is: bool = False) -> int:
    """Write what is due of a day or an organisation, or all, without a pause; return how many days were written.

    `as_it_is`: even where the log store has not all that the receipts say. Raises: `ArchiveError` for the first that
    fails, or if somebody else is at it.
    """
    with alone(LOCK) as is_alone:
        if not is_alone:
            raise ArchiveError("A worker is writing right now: try again in a minute.")
        unarchived.plan(closed_before=current_day())
        written = 0
        while one := unarchived.due(now=True, organisation_id=organisation_id, day=day):
            written += _write_noted(one, place(), as_it_is=as_it_is)
        return written


def _plan() -> None:
    """Note which of the days that have closed are to be written, once nothing of them is on its way."""
    now = current_time().astimezone(UTC)
    closed = now.date() - timedelta(days=1)
    since = now - datetime.combine(now.date(), day_time.min, UTC)
    if unarchived.is_planned(closed) or since < SETTLED_AFTER:
        return
    if since > AT_THE_LATEST or backlog.measure().oldest_seconds < since.total_seconds():
        unarchived.plan(closed_before=now.date())


def _write_due(deadline: float) -> int:
    written = 0
    while time.monotonic() < deadline and (one := unarchived.due()):
        whose = {"organisation_id": one.organisation_id, "day": one.day.isoformat()}
        try:
            if _write_noted(one, place(), deadline=deadline):
                log.info("archived", **whose)
                written += 1
        except ArchiveError as error:
            log.warning("archive_failed", **whose, error=str(error))
            if isinstance(error, UnreachableError):
                break
    return written


def _write_noted(one: Due, where: Place, *, deadline: float | None = None, as_it_is: bool = False) -> bool:
    """Write a day; if it fails, note why. Raises: `ArchiveError`, `Unavailable`."""
    try:
        return _write_day(one, where, deadline=deadline, as_it_is=as_it_is)
    except (ArchiveError, Unavailable) as error:
        why = str(error) or "The log store does not answer."
        archived.fail(one, why, begin_anew=isinstance(error, ChangedError))
        raise


def _write_day(one: Due, where: Place, *, deadline: float | None, as_it_is: bool) -> bool:
    """Write what is left of a day; false when time was up, or it has to be begun again."""
    if archived.kept(one.organisation_id, one.day) is None:
        archived.give_up(one)
        return False
    if not one.goes_on:
        attempt = uuid.uuid4().hex
        archived.begin(one, attempt=attempt)
        one = Due(one.organisation_id, one.day, one.version, attempt, one.version)
    for draft, through in _drafts(one):
        _keep(one, draft, through, where)
        if deadline is not None and time.monotonic() > deadline:
            return False
    return _finish(one, where, as_it_is=as_it_is)


def _drafts(one: Due) -> Iterator[tuple[Draft, Sized]]:
    """Yield the parts of a day that are still to be written, each with the last batch in it."""
    draft, last = Draft(), None
    for window in archived.batches(one.organisation_id, one.day, after=archived.last_place(one)):
        for group in _groups(window):
            for entry in _entries(one.organisation_id, group):
                draft.add(entry)
            last = group[-1]
            if draft.is_full:
                yield draft, last
                draft, last = Draft(), None
    if last and draft.entries:
        yield draft, last


def _groups(window: Sequence[Sized]) -> Iterator[list[Sized]]:
    group: list[Sized] = []
    size_bytes = 0
    for one in window:
        if group and (len(group) == GROUP_BATCHES or size_bytes + one.size_bytes > GROUP_BYTES):
            yield group
            group, size_bytes = [], 0
        group.append(one)
        size_bytes += one.size_bytes
    if group:
        yield group


def _entries(organisation_id: int, group: Sequence[Sized]) -> list[FoundEntry]:
    """Return the entries of batches in the order of ids, each once."""
    places = [one.place for one in group]
    with transaction.atomic():
        found = {entry.id: entry for entry in store().eraser.found_in(organisation_id, places, EVERYTHING)}
    return [found[id_] for id_ in sorted(found)]


def _keep(one: Due, draft: Draft, through: Sized, where: Place) -> None:
    """Write a part, and note it."""
    number = len(archived.parts(one)) + 1
    part, content = draft.close(f"{one.attempt}-{number:05}{SUFFIX}")
    where.write(f"{manifests.folder(one.organisation_id, one.day)}/{part.name}", content)
    reach("after_archive_part")
    archived.note_part(one, number, part, through=through)


def _finish(one: Due, where: Place, *, as_it_is: bool) -> bool:
    """Write the manifest if what was written is what the receipts say; then what is not in it goes."""
    said = archived.kept(one.organisation_id, one.day)
    if said is None:
        archived.give_up(one)
        return False
    manifest = _manifest(one, said)
    if not (manifest.is_complete or as_it_is):
        raise ChangedError(
            f"Receipts say {said.entries} entries, {said.size_bytes} bytes;"
            f" the log store has {manifest.entries} entries, {manifest.size_bytes} bytes."
        )
    content = manifests.encode(manifest)
    where.write(manifests.name(one.organisation_id, one.day), content)
    reach("after_manifest")
    written = Written(
        parts=len(manifest.parts),
        object_bytes=sum(part.object_bytes for part in manifest.parts),
        manifest_sha256=manifests.digest(content),
    )
    if not archived.finish(one, written, said):
        return False
    _sweep(manifest, where)
    return True


def _manifest(one: Due, said: Kept) -> Manifest:
    parts = archived.parts(one)
    entries, size_bytes = sum(part.entries for part in parts), sum(part.size_bytes for part in parts)
    return Manifest(
        archive=one.attempt,
        organisation_id=one.organisation_id,
        organisation=Organisation.objects.values_list("slug", flat=True).get(pk=one.organisation_id),
        day=one.day,
        written_at=current_time(),
        entries=entries,
        size_bytes=size_bytes,
        is_complete=(entries, size_bytes) == (said.entries, said.size_bytes),
        parts=parts,
    )


def _sweep(manifest: Manifest, where: Place) -> None:
    """Delete what lies beside a manifest and is not in it: parts of archives before, and of those that failed."""
    folder = manifests.folder(manifest.organisation_id, manifest.day)
    kept = {f"{folder}/{name}" for name in (manifests.NAME, *(part.name for part in manifest.parts))}
    where.delete([name for name in where.names(folder) if name not in kept])
