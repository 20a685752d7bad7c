"""Deleting archives, for ever: of a day, or all of an organisation."""

from collections.abc import Sequence
from datetime import date

from archive import manifest
from archive.errors import ArchiveError
from archive.place import Place, place
from archive.writing import LOCK
from foundation.alone import alone
from storage import archived, archives


def delete_day(organisation_id: int, day: date) -> None:
    """Delete the archive of a day. Raises: `UnreachableError`."""
    where = place()
    _delete(where, where.names(manifest.folder(organisation_id, day)))
    archives.forget(organisation_id, day)


def delete_all(organisation_id: int) -> int:
    """Delete all that is archived of an organisation, begun archives too; return how many days that were.

    Nothing where no archive is set up. Raises: `UnreachableError`; `ArchiveError` while somebody writes.
    """
    if not archived.is_on():
        return 0
    with alone(LOCK) as is_alone:
        if not is_alone:
            raise ArchiveError("A worker is writing right now: try again in a minute.")
        where = place()
        _delete(where, where.names(manifest.folder(organisation_id)))
        return archives.forget(organisation_id)


def _delete(where: Place, names: Sequence[str]) -> None:
    """Delete objects, manifests last: what they name is found until then."""
    where.delete(sorted(names, key=lambda name: name.endswith(manifest.NAME)))
