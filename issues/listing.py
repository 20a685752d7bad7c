"""Lists of an organisation's groups, behind the wall: in a state, by words, sorted, a page at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.backends.utils import CursorWrapper

from foundation import statements
from foundation.levels import Level
from issues.asking import asking

#: A group that was made so lately, and that nobody has decided on, is new.
NEW = timedelta(days=1)

Sort = Literal["last_seen", "first_seen", "events", "people"]
SORTS: Mapping[str, str] = {
    "last_seen": "last_received_at",
    "first_seen": "first_received_at",
    "events": "events",
    "people": "people",
}
STATES = ("all", "unresolved", "new", "regressed", "resolved", "ignored", "muted")
#: As conditions; others are their names.
IN_STATE = {
    "all": "true",
    "new": "state = 'unresolved' AND NOT is_regressed AND created_at > now() - interval '1 day'",
    "regressed": "state = 'unresolved' AND is_regressed",
}

LIST = statements.read(__file__, "list_groups")


@dataclass(frozen=True, slots=True)
class Summary:
    """A group in a list. `people` of a group that was merged may count somebody twice."""

    id: int
    number: int
    project: str
    type: str
    title: str
    culprit: str
    is_overflow: bool
    created_at: datetime
    assignee_id: int | None
    state: str
    state_at: datetime
    is_regressed: bool
    resolution: str
    resolved_in: str
    older_events: int
    ignored_until: datetime | None
    ignored_events: int | None
    ignored_rate: int | None
    ignored_minutes: int | None
    ignored_people: int | None
    events: int
    people: int
    level: Level
    first_received_at: datetime
    last_received_at: datetime
    first_at: datetime
    last_at: datetime
    fingerprints: int

    @property
    def is_new(self) -> bool:
        """Whether it is hardly a day old, and nobody has decided on it."""
        return self.state == "unresolved" and not self.is_regressed and datetime.now(UTC) - self.created_at < NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which groups a list is asked for; what is None may be anything."""

    state: str = "all"
    project: str | None = None
    environment: str | None = None
    release: str | None = None
    text: str | None = None
    since: datetime | None = None  # an event of it was received then or later
    sort: Sort = "last_seen"


_LEVEL = [field.name for field in fields(Summary)].index("level")

#: Where a page ended: what it is sorted by, and the group's number.
Position = tuple[Any, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Groups in the order asked for; `after` is None on the last page."""

    groups: list[Summary]
    after: Position | None


def groups(organisation_id: int, wanted: Wanted, *, limit: int, after: Position | None = None) -> Page:
    """Return up to `limit` groups, those with most or the newest first."""
    with asking(organisation_id) as cursor:
        found = summaries(cursor, organisation_id, wanted, limit=limit + 1, after=after)
    last = found[limit - 1] if len(found) > limit else None
    position = (getattr(last, SORTS[wanted.sort]), last.number) if last else None
    return Page(found[:limit], position)


def some(organisation_id: int, numbers: Collection[int]) -> list[Summary]:
    """Return the groups with these numbers, or those that they were merged into, the one with most events first."""
    with asking(organisation_id) as cursor:
        wanted = Wanted(sort="events")
        return summaries(cursor, organisation_id, wanted, limit=len(numbers), numbers=numbers) if numbers else []


def summaries(
    cursor: CursorWrapper,
    organisation_id: int,
    wanted: Wanted,
    *,
    limit: int,
    after: Position | None = None,
    numbers: Collection[int] | None = None,
) -> list[Summary]:
    """Return the groups that are wanted; with `numbers`, those, or what they were merged into."""
    cursor.execute(*statement_of(organisation_id, wanted, limit=limit, after=after, numbers=numbers))
    return [_summary(row) for row in cursor.fetchall()]


def statement_of(
    organisation_id: int,
    wanted: Wanted,
    *,
    limit: int | None = None,
    after: Position | None = None,
    numbers: Collection[int] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the statement that lists groups, and its parameters; its columns are the fields of `Summary`."""
    column = SORTS[wanted.sort]
    in_state = IN_STATE.get(wanted.state, "state = %(state)s")
    statement = LIST.replace("[sort]", column).replace("[in state]", in_state)
    statement = statement.replace("[after]", f"({column}, number) < (%(after)s, %(after_number)s)" if after else "true")
    parameters = {
        "organisation_id": organisation_id,
        "state": wanted.state,
        "project": wanted.project,
        "environment": wanted.environment,
        "release": wanted.release,
        "likeness": _likeness(wanted.text),
        "since": wanted.since,
        "numbers": list(numbers) if numbers is not None else None,
        "limit": limit,
        "after": after[0] if after else None,
        "after_number": after[1] if after else None,
    }
    return statement, parameters


def _summary(row: Sequence[Any]) -> Summary:
    values: Any = (*row[:_LEVEL], Level(row[_LEVEL]), *row[_LEVEL + 1 :])
    return Summary(*values)


def _likeness(text: str | None) -> str | None:
    if text is None:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
