"""How many errors came in each minute of receipt, by what rules ask of them; none of groups that nobody minds."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from foundation import statements
from foundation.postgres import fetch_all
from storage import minutes
from storage.minutes import Counted

COUNTED = statements.read(__file__, "count_minutes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask(minutes.Ask):
    """The same of errors: `type` is a group's, or its beginning before a `*`; `by` "group" gives groups' numbers."""

    type: str = ""


def count(asks: Sequence[Ask]) -> list[Counted]:
    """Answer all `asks` with one statement."""
    if not asks:
        return []
    columns = [[getattr(ask, field.name) for ask in asks] for field in fields(Ask)]
    return [Counted(*row) for row in fetch_all(COUNTED, columns)]
