"""How loans of bytes stand at the core: for operators, and for the proof of the ledger. `lending` changes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from foundation.postgres import fetch_all

UNSPENT = """
SELECT edge_id, sum(lent_bytes - returned_bytes - settled_bytes)::bigint, sum(short_bytes)::bigint,
       coalesce(max(extract(epoch FROM now() - heard_at))
                FILTER (WHERE lent_bytes > returned_bytes + settled_bytes), 0)::float8
  FROM quotas_loan GROUP BY 1 ORDER BY 1
"""
#: As one row, for a statement of another room.
STANDING = """
SELECT coalesce(sum(lent_bytes - returned_bytes - settled_bytes), 0)::bigint AS lent_bytes,
       coalesce(sum(short_bytes), 0)::bigint AS short_bytes
  FROM quotas_loan
"""
#: As values of a row of another room's statement, of the edge with the id {edge_id}.
UNSPENT_OF = """
SELECT coalesce(sum(lent_bytes - returned_bytes - settled_bytes), 0)::bigint FROM quotas_loan WHERE edge_id = {edge_id}
"""
SHORT_OF = "SELECT coalesce(sum(short_bytes), 0)::bigint FROM quotas_loan WHERE edge_id = {edge_id}"
UNEQUAL = """
SELECT usage.organisation_id, usage.period, usage.lent_bytes, coalesce(sum(lent.bytes), 0)::bigint
  FROM quotas_monthlyusage AS usage
  LEFT JOIN LATERAL (SELECT loan.lent_bytes - returned_bytes - settled_bytes AS bytes FROM quotas_loan AS loan
                      WHERE loan.organisation_id = usage.organisation_id AND loan.period = usage.period) AS lent ON true
 GROUP BY 1, 2, 3 HAVING usage.lent_bytes <> coalesce(sum(lent.bytes), 0) ORDER BY 1, 2
"""
SHORT = """
SELECT edge_id, organisation_id, period, short_bytes FROM quotas_loan WHERE short_bytes > 0 ORDER BY 2, 3, 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What an edge holds unspent, since when it was not heard, and what it has forwarded beyond its loans."""

    edge_id: int
    unspent_bytes: int
    short_bytes: int
    silent_seconds: float


def standings() -> list[Standing]:
    """Return how each edge's loans stand."""
    return [
        Standing(edge_id=edge_id, unspent_bytes=unspent, short_bytes=short, silent_seconds=silent)
        for edge_id, unspent, short, silent in fetch_all(UNSPENT)
    ]


def unequal() -> Iterator[tuple[int, date, int, int]]:
    """Yield organisation and month of which another sum is lent, as the month says, than its loans come to."""
    return iter(fetch_all(UNEQUAL))


def short() -> Iterator[tuple[int, int, date, int]]:
    """Yield edge, organisation, month and the bytes that were forwarded beyond what was lent."""
    return iter(fetch_all(SHORT))
