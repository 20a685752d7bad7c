"""Whether what is counted of errors is what the receipts say: per organisation and day of receipt."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from foundation.postgres import current_day, fetch_all
from storage import receipts

#: Minutes are kept for so long, whatever a plan keeps: they hold numbers only.
KEPT_DAYS = 32

DAYS = "SELECT DISTINCT (minute AT TIME ZONE 'UTC')::date FROM issues_minute"
OF_DAY = """
SELECT organisation_id, sum(events)::bigint FROM issues_minute WHERE minute >= %s AND minute < %s GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Unequal:
    """What an organisation's receipts of a day say, and what was found."""

    organisation_id: int
    expected: str
    found: str


def days() -> list[date]:
    """Return the days of receipt of which anything is counted by the minute."""
    return [day for (day,) in fetch_all(DAYS)]


def unequal(day: date) -> Iterator[Unequal]:
    """Yield where receipts of `day` say something else than the minutes, or nothing. In the caller's transaction."""
    certified = {one.organisation_id: one for one in receipts.errors_of_day(day)}
    for one in certified.values():
        if one.not_grouped:
            yield Unequal(one.organisation_id, "all batches grouped", f"{one.not_grouped} not grouped yet")
    if day <= current_day() - timedelta(days=KEPT_DAYS):
        return
    start = datetime.combine(day, time.min, UTC)
    counted = dict(fetch_all(OF_DAY, [start, start + timedelta(days=1)]))
    for organisation_id in sorted(certified.keys() | counted.keys()):
        expected = certified[organisation_id].errors if organisation_id in certified else 0
        found = counted.get(organisation_id, 0)
        if expected != found:
            yield Unequal(organisation_id, f"{expected} errors", f"{found} counted in groups")
