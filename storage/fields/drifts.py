"""Drifts for the room that tells people of them: each is handed over once, in its transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from foundation.postgres import execute, fetch_all
from storage.fields.reading import NAMES

MOST_PAST = 10_000

_DRIFTED = """
SELECT id, organisation_id, project, environment, path, what, was, became, entry_id, at FROM storage_drift
"""
#: Those that somebody else has taken and not ended are passed over.
TAKE = f"{_DRIFTED} WHERE alerted_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
PAST = f"{_DRIFTED} WHERE organisation_id = %s AND at >= %s ORDER BY id DESC LIMIT %s"
END = "UPDATE storage_drift SET alerted_at = now() WHERE id = ANY (%s)"


class Drifted(NamedTuple):
    """A field that has another type, or is missing, since an entry: see `storage.fields.contract`."""

    id: int
    organisation_id: int
    project: str
    environment: str
    path: str
    what: str
    was: str
    became: str
    entry_id: int
    at: datetime


def take(limit: int) -> list[Drifted]:
    """Return drifts that nobody was told of yet, the oldest first, held until the caller's transaction ends."""
    return [_read(row) for row in fetch_all(TAKE, [limit])]


def past(organisation_id: int, *, since: datetime) -> list[Drifted]:
    """Return an organisation's since then, the newest first; ten thousand at most."""
    return [_read(row) for row in fetch_all(PAST, [organisation_id, since, MOST_PAST])]


def end(ids: Collection[int]) -> None:
    """Hand drifts over for good, in the caller's transaction."""
    execute(END, [sorted(ids)])


def _read(row: tuple[object, ...]) -> Drifted:
    found = Drifted(*row)  # type: ignore[arg-type]
    return found._replace(was=NAMES.get(found.was, ""), became=NAMES.get(found.became, ""))
