"""How many error groups an organisation may have, and may make in an hour.

Whoever makes groups of an organisation holds its allowance until the transaction ends.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from foundation.postgres import fetch_binary

#: What is kept apart: templates of a parent, new groups of an organisation an hour, its groups in all, and projects
#: that have a group of their own for what is beyond.
MOST_SIBLINGS, MOST_NEW, MOST_ALIVE, MOST_OVERFLOWS = 25, 200, 10_000, 100

_IS_FULL = f"(alive >= {MOST_ALIVE} OR made >= {MOST_NEW} AND hour = date_trunc('hour', now(), 'UTC'))"
#: Whoever is beyond its limits need not be held for that.
ROOM = f"SELECT organisation_id FROM issues_allowance WHERE organisation_id = ANY (%s) AND {_IS_FULL}"  # noqa: S608
COUNT_FULL = f"SELECT count(*) FROM issues_allowance WHERE {_IS_FULL}"  # noqa: S608 - constants
HOLD = """
INSERT INTO issues_allowance AS held (organisation_id, hour)
SELECT organisation_id, date_trunc('hour', now(), 'UTC') FROM unnest(%s::bigint[]) AS organisation_id ORDER BY 1
    ON CONFLICT (organisation_id) DO UPDATE
   SET made = CASE WHEN held.hour = excluded.hour THEN held.made ELSE 0 END, hour = excluded.hour
RETURNING organisation_id, made, alive, last_number
"""


@dataclass(slots=True)
class Room:
    """What an organisation may still make, and the number of its last group."""

    made: int
    alive: int
    last_number: int

    def take(self) -> bool:
        """Take the place of one group, if there is one."""
        if self.made >= MOST_NEW or self.alive >= MOST_ALIVE:
            return False
        self.made += 1
        self.add()
        return True

    def add(self) -> None:
        """Take a number, whatever the limits."""
        self.alive += 1
        self.last_number += 1


def hold(organisation_ids: Iterable[int]) -> dict[int, Room]:
    """Hold the allowances of organisations, begun where there was none. Raises: `DatabaseError`."""
    rows = fetch_binary(HOLD, [sorted(organisation_ids)], prepare=True)
    return {organisation_id: Room(*room) for organisation_id, *room in rows}


def full_ones(organisation_ids: Collection[int]) -> set[int]:
    """Return those that have no room for another group now. Raises: `DatabaseError`."""
    return {row[0] for row in fetch_binary(ROOM, [list(organisation_ids)], prepare=True)}


def count_full() -> int:
    """Return how many organisations have no room for another group now. Raises: `DatabaseError`."""
    [(organisations,)] = fetch_binary(COUNT_FULL, [])
    return int(organisations)
