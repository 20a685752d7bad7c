"""Evidence as it was last gathered, one a group; what was erased meanwhile is not kept.

Whoever keeps something of entries holds a row of their organisation meanwhile, which forgetting changes: what was read
before something was erased is never kept after it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from assist.models.evidence import MOST_CHARACTERS
from foundation.postgres import execute, fetch_all
from issues.asking import asking

KEPT = """
SELECT made_at, oldest_at, is_complete, digest, document FROM assist_visible_snapshot
 WHERE organisation_id = %s AND group_id = %s
"""
#: Something to hold, where nothing was ever forgotten.
HOLDABLE = """
INSERT INTO assist_forgotten (organisation_id, at) VALUES (%s, '-infinity') ON CONFLICT (organisation_id) DO NOTHING
"""
HELD = "SELECT at > %s FROM assist_forgotten WHERE organisation_id = %s FOR SHARE"
FORGOTTEN = """
INSERT INTO assist_forgotten AS forgotten (organisation_id, at) VALUES (%s, clock_timestamp())
    ON CONFLICT (organisation_id) DO UPDATE SET at = EXCLUDED.at
"""
#: Of a group that is still there.
KEEP = """
INSERT INTO assist_snapshot (organisation_id, group_id, made_at, oldest_at, is_complete, digest, document)
SELECT %(organisation_id)s, %(group_id)s, %(made_at)s, %(oldest_at)s, %(is_complete)s, %(digest)s, %(document)s
    ON CONFLICT (group_id) DO UPDATE
   SET made_at = EXCLUDED.made_at, oldest_at = EXCLUDED.oldest_at, is_complete = EXCLUDED.is_complete,
       digest = EXCLUDED.digest, document = EXCLUDED.document
 WHERE assist_snapshot.made_at <= EXCLUDED.made_at
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot: `document` is JSON, `oldest_at` the receipt of the oldest entry that something of is in it."""

    made_at: datetime
    oldest_at: datetime
    is_complete: bool
    digest: str
    document: str


def kept(organisation_id: int, group_id: int) -> Kept | None:
    """Return a group's snapshot, read behind the wall. Raises: `OperationalError`."""
    with asking(organisation_id) as cursor:
        cursor.execute(KEPT, [organisation_id, group_id])
        return next((Kept(*row) for row in cursor.fetchall()), None)


def keep(organisation_id: int, group_id: int, snapshot: Kept) -> bool:
    """Keep a snapshot in the place of the one before; tell whether it is kept.

    Not if something was erased since it was begun, or the group has gone. Raises: `OperationalError`.
    """
    parameters = {
        "organisation_id": organisation_id,
        "group_id": group_id,
        "made_at": snapshot.made_at,
        "oldest_at": snapshot.oldest_at,
        "is_complete": snapshot.is_complete,
        "digest": snapshot.digest,
        "document": snapshot.document,
    }
    if len(snapshot.document) > MOST_CHARACTERS:
        return False
    try:
        with transaction.atomic():
            return holds(organisation_id, since=snapshot.made_at) and bool(execute(KEEP, parameters))
    except IntegrityError:
        return False


def holds(organisation_id: int, *, since: datetime) -> bool:
    """Keep anything of the organisation from being forgotten until the open transaction ends.

    Tell whether nothing was since. Raises: `OperationalError`.
    """
    execute(HOLDABLE, [organisation_id])
    return fetch_all(HELD, [since, organisation_id]) == [(False,)]


def note_forgotten(organisation_id: int) -> None:
    """Wait for whoever keeps something of the organisation, and have nobody keep more of before."""
    execute(FORGOTTEN, [organisation_id])


def current_time() -> datetime:
    """Return the time by PostgreSQL's clock, before anything is read."""
    [(now,)] = fetch_all("SELECT clock_timestamp()")
    assert isinstance(now, datetime)
    return now
