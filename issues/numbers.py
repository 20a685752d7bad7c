"""Which groups entries are in: the numbers of keys, from this process's memory, and the keys of a number."""

import time
from collections.abc import Collection

from foundation.expiring import Expiring
from issues.asking import asking

#: A number is remembered for so long: a merge or a split is seen as late.
KNOWN_SECONDS = 10
CAPACITY = 100_000
#: Numbers are lower.
MOST_NUMBER = 10**9

NUMBERS = """
SELECT key, number
  FROM issues_visible_fingerprint AS fingerprint JOIN issues_visible_group AS own ON own.id = fingerprint.group_id
 WHERE fingerprint.organisation_id = %s AND key = ANY (%s::bigint[])
"""
#: Of the group itself, or the one that it was merged into.
KEYS = """
SELECT key
  FROM issues_visible_group AS asked
  JOIN issues_visible_fingerprint AS fingerprint ON fingerprint.group_id = coalesce(asked.merged_into_id, asked.id)
 WHERE asked.organisation_id = %s AND number = %s ORDER BY key
"""
#: Of the group itself, or the one that it was merged into, and of all that were merged into that.
IDS = """
SELECT one.id
  FROM issues_visible_group AS asked
  JOIN issues_visible_group AS one
    ON coalesce(asked.merged_into_id, asked.id) IN (one.id, one.merged_into_id)
 WHERE asked.organisation_id = %s AND asked.number = %s ORDER BY one.id
"""

_numbers: Expiring[tuple[int, int], int] = Expiring(capacity=CAPACITY)


def numbers_of(organisation_id: int, keys: Collection[int]) -> dict[int, int]:
    """Return the numbers of the groups that entries with these keys are in; some seconds old at most."""
    found = {key: number for key in keys if (number := _numbers.get((organisation_id, key))) is not None}
    missing = [key for key in keys if key not in found]
    if missing:
        with asking(organisation_id) as cursor:
            cursor.execute(NUMBERS, [organisation_id, missing])
            read = dict(cursor.fetchall())
        until = time.monotonic() + KNOWN_SECONDS
        for key, number in read.items():
            _numbers.put((organisation_id, key), number, until=until)
        found |= read
    return found


def keys_of(organisation_id: int, number: int) -> tuple[int, ...]:
    """Return the keys that entries of a group carry; none if there is no such group."""
    with asking(organisation_id) as cursor:
        cursor.execute(KEYS, [organisation_id, number])
        return tuple(key for (key,) in cursor.fetchall())


def ids_of(organisation_id: int, number: int) -> tuple[int, ...]:
    """Return the ids of a group, or of the one that it was merged into, and of all that were merged into that."""
    with asking(organisation_id) as cursor:
        cursor.execute(IDS, [organisation_id, number])
        return tuple(id_ for (id_,) in cursor.fetchall())


def forget() -> None:
    """Forget which groups entries are in."""
    _numbers.clear()
