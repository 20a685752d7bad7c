"""How many errors came in each minute of receipt, by what rules ask of them; none of groups that nobody minds."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

from foundation import statements
from foundation.postgres import fetch_all

COUNTED = statements.read(__file__, "count_minutes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Errors of an organisation from `lowest` on, by minute from `since` to before `until`, and so many days earlier.

    `type` is a group's, or its beginning before a `*`; empty texts ask for everything. `by` is "", "project",
    "environment" or "group", whose value is its number. `number` is the asker's own.
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
    type: str = ""


class Counted(NamedTuple):
    """So many errors of a value in a minute (since 1970)."""

    number: int
    value: str
    minute: int
    entries: int


def count(asks: Sequence[Ask]) -> list[Counted]:
    """Answer all `asks` with one statement."""
    if not asks:
        return []
    columns = [[getattr(ask, field.name) for ask in asks] for field in fields(Ask)]
    return [Counted(*row) for row in fetch_all(COUNTED, columns)]
