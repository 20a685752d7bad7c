"""At an edge: the rows of what it has borrowed. `borrowing` asks the core for it.

What is lent stands in the month's row as less than nothing, so that the ledger's statements charge it as a quota.
"""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from foundation.postgres import execute, fetch_all

#: Loans of which the core is told at a time.
MOST_TOLD = 5_000
KEPT_FOR = "62 days"

LOOK = """
SELECT usage.used_bytes, coalesce(borrowed.lent_bytes, 0), coalesce(borrowed.returned_bytes, 0)
  FROM quotas_monthlyusage AS usage LEFT JOIN quotas_borrowed AS borrowed USING (organisation_id, period)
 WHERE organisation_id = %s AND period = %s
"""
HOLD = f"{LOOK} FOR UPDATE OF usage"
WRITE = """
INSERT INTO quotas_borrowed AS borrowed (organisation_id, period, lent_bytes, returned_bytes, used_bytes)
VALUES (%(organisation_id)s, %(period)s, %(lent_bytes)s, %(returned_bytes)s, %(used_bytes)s)
    ON CONFLICT (organisation_id, period) DO UPDATE
   SET lent_bytes = excluded.lent_bytes, returned_bytes = excluded.returned_bytes,
       is_told = borrowed.is_told AND borrowed.returned_bytes = excluded.returned_bytes
"""
SET_LENT = "UPDATE quotas_monthlyusage SET lent_bytes = %s WHERE organisation_id = %s AND period = %s"
OPEN = """
INSERT INTO quotas_monthlyusage (organisation_id, period, used_bytes, entries) VALUES (%s, %s, 0, 0)
    ON CONFLICT (organisation_id, period) DO NOTHING
"""
#: What is not spent, and whether it lies idle; what the core has not been told of.
OPEN_LOANS = """
SELECT borrowed.organisation_id, borrowed.period, borrowed.lent_bytes, borrowed.returned_bytes, usage.used_bytes,
       abs(extract(epoch FROM now() - used_at))::float8
  FROM quotas_borrowed AS borrowed JOIN quotas_monthlyusage AS usage USING (organisation_id, period)
 WHERE NOT is_told OR borrowed.lent_bytes - borrowed.returned_bytes > usage.used_bytes
 ORDER BY is_told, borrowed.organisation_id, borrowed.period LIMIT %s
"""
FORGET = f"""
DELETE FROM quotas_borrowed AS borrowed USING quotas_monthlyusage AS usage
 WHERE usage.organisation_id = borrowed.organisation_id AND usage.period = borrowed.period AND is_told
   AND borrowed.lent_bytes - borrowed.returned_bytes = usage.used_bytes
   AND borrowed.period < (now() - interval '{KEPT_FOR}')::date
"""  # noqa: S608 - a constant
TOTALS = """
SELECT coalesce(sum(borrowed.lent_bytes - borrowed.returned_bytes - usage.used_bytes), 0)::bigint
  FROM quotas_borrowed AS borrowed JOIN quotas_monthlyusage AS usage USING (organisation_id, period)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A loan of which something is unspent, or unknown to the core."""

    organisation_id: int
    period: date
    lent_bytes: int
    returned_bytes: int
    used_bytes: int
    idle_seconds: float

    @property
    def unspent_bytes(self) -> int:
        return self.lent_bytes - self.returned_bytes - self.used_bytes


def look(organisation_id: int, period: date) -> tuple[int, int, int]:
    """Return what was used of a month, lent and given back. It holds nothing: the core is to be asked."""
    execute(OPEN, [organisation_id, period])
    [(used, lent, returned)] = fetch_all(LOOK, [organisation_id, period])
    return used, lent, returned


def take(organisation_id: int, period: date, *, lent_bytes: int) -> None:
    """Take what the core has lent in all: that only grows, so an answer that comes late changes nothing."""
    with transaction.atomic():
        execute(OPEN, [organisation_id, period])
        used, lent, returned = _held(organisation_id, period)
        if lent_bytes > lent:
            _write(organisation_id, period, lent=lent_bytes, returned=returned, used=used)


def give_back(organisation_id: int, period: date) -> int:
    """Take off what is unspent of a loan, durably, before the core is told; return how much that was."""
    with transaction.atomic():
        used, lent, returned = _held(organisation_id, period)
        unspent = max(0, lent - returned - used)
        if unspent:
            _write(organisation_id, period, lent=lent, returned=returned + unspent, used=used)
        return unspent


def unspent_bytes() -> int:
    """Return what this edge has borrowed and not charged."""
    [(total,)] = fetch_all(TOTALS)
    return int(total)


def forget() -> int:
    """Delete loans of months ago that came out even; return how many."""
    return execute(FORGET)


def open_loans() -> list[Open]:
    """Return those, what the core does not know yet first."""
    return [Open(**dict(zip(Open.__slots__, row, strict=True))) for row in fetch_all(OPEN_LOANS, [MOST_TOLD])]


def _held(organisation_id: int, period: date) -> tuple[int, int, int]:
    """Hold a month's row; return what was used of it, lent and given back, as of now that it is held."""
    fetch_all(HOLD, [organisation_id, period])  # what it was joined with may be older than the lock
    [(used, lent, returned)] = fetch_all(HOLD, [organisation_id, period])
    return used, lent, returned


def _write(organisation_id: int, period: date, *, lent: int, returned: int, used: int) -> None:
    columns = {
        "organisation_id": organisation_id,
        "period": period,
        "lent_bytes": lent,
        "returned_bytes": returned,
        "used_bytes": used,
    }
    execute(WRITE, columns)
    execute(SET_LENT, [returned - lent, organisation_id, period])
