"""The archive, if days are archived: is it written in time, and can it be reached?"""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError

from archive.errors import ArchiveError
from archive.place import place
from operations.doctor.finding import Finding, error, ok, warning
from operations.thresholds import LATE_ARCHIVE_SECONDS, SILENT_ARCHIVE_SECONDS
from storage import archived, archives

#: Never an archive's folder.
NOTHING = "doctor"
PAGE = "docs/archive.md"


def examine() -> Iterator[Finding]:
    """Look at the days that wait, and ask for a name that is not there."""
    if not archived.is_on():
        return
    try:
        place().names(NOTHING)
    except (ArchiveError, ImproperlyConfigured) as failure:
        yield error(
            "archive",
            f"{failure} Days are not archived, and retention waits for them: disks fill.",
            f"Mend LUMINALOG_ARCHIVE_URL, or what it names: {PAGE}.",
        )
    else:
        yield ok("archive", "The archive answers.")
    try:
        yield from _days()
    except (DatabaseError, InterfaceError):
        return  # PostgreSQL's own finding says it


def _days() -> Iterator[Finding]:
    standing = archived.standing()
    if not 0 <= standing.archive_looked_seconds <= SILENT_ARCHIVE_SECONDS:
        yield warning(
            "archived days",
            "No worker has looked for days to archive in the last hour.",
            "See whether workers and beat run; bin/luminalog upkeep --loop helps meanwhile.",
        )
    if standing.archive_oldest_seconds > LATE_ARCHIVE_SECONDS:
        yield error(
            "archived days",
            f"{standing.archive_waiting_days} closed days are not archived, one for"
            f" {standing.archive_oldest_seconds / 3600:.0f} hours: retention waits for them.",
            f"bin/luminalog archive says why: {PAGE}.",
        )
    else:
        yield ok("archived days", "No closed day has waited for a day to be archived.")
    if wrong := archives.in_all().wrong:
        yield error(
            "verified archives",
            f"{wrong} archives are not what was written, or hold less than their receipts said.",
            f"bin/luminalog archive list names them: {PAGE}.",
        )
