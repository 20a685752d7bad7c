"""How many entries came in each minute of receipt, by what rules ask of them: from the rollup, for many at once.

Exact whenever entries are stored: a drain adds to a minute in the transaction that stores them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

from foundation import statements
from foundation.postgres import fetch_all
from storage.rollups import OTHERS

COUNTED = statements.read(__file__, "count_minutes", others=OTHERS)
FIRST = """
SELECT asked.organisation_id, (SELECT extract(epoch FROM min(minute))::bigint / 60 FROM storage_minute
                                WHERE organisation_id = asked.organisation_id)
  FROM unnest(%s::bigint[]) AS asked(organisation_id)
"""
#: Of projects, or without a project of everything, how many different hours of a week have any.
HOURS = """
SELECT CASE %(by)s WHEN 'project' THEN project WHEN 'environment' THEN environment ELSE '' END,
       count(DISTINCT date_trunc('hour', minute, 'UTC'))
  FROM storage_minute
 WHERE organisation_id = %(organisation_id)s AND minute >= %(since)s AND minute < %(until)s AND entries > 0
 GROUP BY 1
"""
OF_WHOM = "SELECT DISTINCT organisation_id FROM storage_rollup_day WHERE day >= %s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Entries of an organisation from `lowest` on, by minute from `since` to before `until`, and so many days earlier.

    Empty texts ask for everything; `by` is "", "project" or "environment". `number` is the asker's own.
    """

    number: int
    organisation_id: int
    since: datetime
    until: datetime
    days: int = 0
    lowest: int = 0
    project: str = ""
    environment: str = ""
    by: str = ""


class Counted(NamedTuple):
    """So many entries of a value in a minute (since 1970)."""

    number: int
    value: str
    minute: int
    entries: int


#: What was not counted under its own (project, environment) pair has this value, whatever is asked for.
UNKNOWN_PAIR = OTHERS


def count(asks: Sequence[Ask]) -> list[Counted]:
    """Answer all `asks` with one statement."""
    if not asks:
        return []
    columns = [[getattr(ask, field.name) for ask in asks] for field in fields(Ask)]
    return [Counted(*row) for row in fetch_all(COUNTED, columns)]


def first_minutes(organisations: Sequence[int]) -> dict[int, int]:
    """Return the first minute that is known of each organisation that has any."""
    return {owner: minute for owner, minute in fetch_all(FIRST, [list(organisations)]) if minute is not None}


def hours_with_entries(organisation_id: int, *, by: str, since: datetime, until: datetime) -> dict[str, int]:
    """Return in how many different hours anything came of each value."""
    given = {"organisation_id": organisation_id, "by": by, "since": since, "until": until}
    return dict(fetch_all(HOURS, given))


def organisations_since(moment: datetime) -> list[int]:
    """Return the organisations that anything came of since the day of `moment` (UTC)."""
    return [owner for (owner,) in fetch_all(OF_WHOM, [moment.date()])]
