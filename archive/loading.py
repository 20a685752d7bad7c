"""Reading an archived day back: new batches, received now, of entries that are what they were.

A part is a transaction, and is stored once, however often it is loaded. Nothing of it is charged, counted or told to
anybody; it goes when its days are over: see `storage.loaded`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from accounts.models import Organisation
from archive import manifest as manifests
from archive.errors import ArchiveError, CorruptError
from archive.lines import Restored, restored
from archive.manifest import Manifest
from archive.parts import lines_in
from archive.place import Place, place
from foundation.faults import reach
from foundation.postgres import current_time
from ingest.spool import batch_ids
from storage import archived, archives, loaded
from storage.archived import Part
from storage.batch import Batch
from storage.loaded import Claim

#: Of a batch, as those that clients send.
BATCH_ENTRIES, BATCH_BYTES = 1_000, 4 * 2**20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is there of a day after it was loaded; `before` are the parts that were there already."""

    parts: int
    before: int
    entries: int
    size_bytes: int
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """Entries that make a batch: all of one default environment and project, and of one edge."""

    environment: str
    project: str
    edge: str | None
    lines: Sequence[bytes]


def manifest_of(organisation: Organisation, day: date, where: Place) -> Manifest:
    """Return the manifest of an organisation's day, if it is the one that was written.

    Raises: `MissingError`, `CorruptError`, `UnreachableError`.
    """
    content = where.read(manifests.name(organisation.pk, day), most_bytes=manifests.MOST_BYTES)
    known = archives.of_day(organisation.pk, day)
    if known and known.manifest_sha256 and known.manifest_sha256 != manifests.digest(content):
        raise CorruptError("The manifest is not what was written: its digest is another.")
    manifest = manifests.decode(content)
    if (manifest.organisation_id, manifest.organisation, manifest.day) != (organisation.pk, organisation.slug, day):
        raise CorruptError(f"The manifest is of {manifest.organisation} on {manifest.day}.")
    return manifest


def days(where: Place, organisation: Organisation | None = None) -> list[tuple[int, date]]:
    """Return the organisations and days of which there is a manifest. Raises: `UnreachableError`."""
    found = []
    for name in where.names(manifests.folder(organisation.pk) if organisation else ""):
        folder, _, file = name.rpartition("/")
        owner, _, day = folder.removeprefix("organisation-").rpartition("/")
        if file == manifests.NAME and owner.isdecimal():
            found.append((int(owner), date.fromisoformat(day)))
    return sorted(found)


def read_part(manifest: Manifest, part: Part, where: Place) -> list[bytes]:
    """Return the lines of a part, all verified. Raises: `MissingError`, `CorruptError`, `UnreachableError`."""
    folder = manifests.folder(manifest.organisation_id, manifest.day)
    return lines_in(part, where.read(f"{folder}/{part.name}", most_bytes=part.object_bytes))


def load(organisation: Organisation, day: date, *, keep_days: int) -> Loaded:
    """Read a day back, and keep it for so many days; what is loaded already stays, for as long at least.

    Raises: `ArchiveError` when it is not there, damaged, or still stored; `Unavailable`, `Refused`.
    """
    where = place()
    manifest = manifest_of(organisation, day, where)
    _require_room(organisation, manifest)
    until = current_time() + timedelta(days=keep_days)
    loaded.extend(organisation.pk, day, until=until)
    before = 0
    for number, part in enumerate(manifest.parts, 1):
        if (row := loaded.of_day(organisation.pk, day).get(number)) and row.is_whole:
            before += 1
            continue
        _load_part(manifest, number, part, where, until=until)
    kept_until = min((row.kept_until for row in loaded.of_day(organisation.pk, day).values()), default=until)
    return Loaded(len(manifest.parts), before, manifest.entries, manifest.size_bytes, kept_until)


def _require_room(organisation: Organisation, manifest: Manifest) -> None:
    """See that nothing will be found twice. Raises: `ArchiveError`."""
    if archived.kept(organisation.pk, manifest.day) is not None:
        raise ArchiveError(f"{manifest.day} is still stored: there is nothing to load.")
    if any(row.archive != manifest.archive for row in loaded.of_day(organisation.pk, manifest.day).values()):
        raise ArchiveError(f"{manifest.day} is loaded from an older archive: take that out first, with --end.")


def _load_part(manifest: Manifest, number: int, part: Part, where: Place, *, until: datetime) -> None:
    planned = list(_planned(map(restored, read_part(manifest, part, where))))
    reach("before_loading_part")
    lines = sum(len(one.lines) for one in planned)
    size_bytes = sum(len(line) for one in planned for line in one.lines)
    if lines != part.entries:
        raise CorruptError(f"{part.name} holds {lines} entries instead of {part.entries}.")
    row = loaded.claim(
        manifest.organisation_id,
        manifest.day,
        loaded.Part(manifest.archive, number, lines, size_bytes),
        batch_ids=[batch_ids.take() for _ in planned],
        received_at=current_time(),
        until=until,
    )
    loaded.keep(row, _batches(row, planned))


def _planned(entries: Iterator[Restored]) -> Iterator[Planned]:
    """Yield batches: an environment or project that entries leave out is their batch's, as it was their key's."""
    open_: dict[tuple[str, str, str | None], list[bytes]] = {}
    sizes: dict[tuple[str, str, str | None], int] = {}
    for one in entries:
        environment, project = (
            ("" if one.has_environment else one.environment),
            ("" if one.has_project else one.project),
        )
        key = environment, project, one.edge
        lines = open_.setdefault(key, [])
        if lines and (len(lines) == BATCH_ENTRIES or sizes[key] + len(one.line) > BATCH_BYTES):
            yield Planned(*key, lines)
            lines = open_[key] = []
        sizes[key] = (sizes[key] if lines else 0) + len(one.line)
        lines.append(one.line)
    for key, lines in open_.items():
        yield Planned(*key, lines)


def _batches(row: Claim, planned: Sequence[Planned]) -> list[Batch]:
    received_at = row.received_at.astimezone(UTC)
    return [
        Batch(
            batch_id=batch_id,
            organisation_id=row.organisation_id,
            api_key_id=0,
            project=one.project,
            environment=one.environment,
            edge=one.edge,
            received_at=received_at,
            period=received_at.date().replace(day=1),
            lines=one.lines,
            indexes=range(len(one.lines)),
            error_keys=[None] * len(one.lines),
        )
        for batch_id, one in zip(row.batch_ids, planned, strict=True)
    ]
