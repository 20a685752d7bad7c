"""Which entries a search finds, as SQL: the organisation, the time and the condition."""

from datetime import datetime

from storage.conditions import EVERYTHING
from storage.postgres.predicate import Predicate
from storage.postgres.predicates import compile_condition, of_organisation
from storage.postgres.reads import IN_NO_ORDER, IN_ORDER
from storage.postgres.walking import is_indexed
from storage.search import LAST_MOMENT, Position, Search


def found_by(
    search: Search, *, received_from: datetime, after: Position | None = None, newest_first: bool = True
) -> Predicate:
    """Bind the organisation and the time; `received_from` leaves out the partitions of earlier days."""
    own, condition = of_organisation(search.organisation_id), compile_condition(search.query)
    beyond = f" AND (timestamp, id) {'<' if newest_first else '>'} (%s, %s)" if after else ""
    return Predicate(
        f"{own.sql} AND timestamp >= %s AND timestamp < %s AND received_at >= %s{beyond} AND ({condition.sql})",
        (*own.parameters, search.start, _end(search), received_from, *(after or ()), *condition.parameters),
    )


def _end(search: Search) -> datetime | str:
    """Return what timestamps must be below: beyond the last moment there is only infinity (PostgreSQL manual, 8.5)."""
    return "infinity" if search.end == LAST_MOMENT else search.end


def page_cost_of(search: Search) -> float:
    """Return what a visit to another page costs whoever takes the first of what a search finds."""
    return IN_ORDER if search.query == EVERYTHING or is_indexed(search.query) else IN_NO_ORDER
