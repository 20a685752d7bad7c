"""Which group an error belongs to: known fingerprints, or new ones as far as there is room. Final before it is stored.

Whoever makes groups of an organisation holds its allowance until the transaction ends; who finds all known, nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from foundation import statements
from foundation.postgres import array_of, execute_prepared, fetch_binary
from foundation.recent import Recent
from issues import metrics
from issues.fingerprint import OVERFLOW, Fingerprint, key_of, overflow
from issues.sightings import OfBatch, Sighting

#: What is kept apart: templates of a parent, new groups of an organisation an hour, its groups in all, and projects
#: that have a group of their own for what is beyond.
MOST_SIBLINGS, MOST_NEW, MOST_ALIVE, MOST_OVERFLOWS = 25, 200, 10_000, 100
#: This process remembers for so long which fingerprints there are.
KNOWN_SECONDS = 60
CAPACITY = 50_000
MOST_OF_TITLE = 250

Key = tuple[int, int]

KNOWN = """
SELECT organisation_id, key, group_id
  FROM issues_fingerprint JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(organisation_id, key)
       USING (organisation_id, key)
"""
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
SIBLINGS = f"""
SELECT organisation_id, parent_key, (
       SELECT count(*) FROM (
              SELECT FROM issues_fingerprint AS sibling
               WHERE sibling.organisation_id = asked.organisation_id AND sibling.parent_key = asked.parent_key
               LIMIT {MOST_SIBLINGS}) AS few)
  FROM unnest(%s::bigint[], %s::bigint[]) AS asked(organisation_id, parent_key)
"""  # noqa: S608 - constants
OVERFLOWS = "SELECT count(*) FROM issues_group WHERE organisation_id = %s AND is_overflow"
MAKE = statements.read(__file__, "make_groups")

_final: Recent[Key, int] = Recent(capacity=CAPACITY, seconds=KNOWN_SECONDS)


@dataclass(slots=True)
class _Room:
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


@dataclass(slots=True)
class _New:
    """A fingerprint to be made; in a group that is known, or in one of its own with this number."""

    organisation_id: int
    fingerprint: Fingerprint
    group_id: int | None = None
    number: int | None = None


def resolve(seen: Sequence[OfBatch]) -> None:
    """Give each error that no filter left out its final key, and make what is missing; in the caller's transaction.

    Raises: `DatabaseError`.
    """
    final: dict[Key, int] = {}
    missing: dict[Key, Sighting] = {}
    for of_batch in seen:
        owner = of_batch.batch.organisation_id
        for one in of_batch.sightings.values():
            key = (owner, one.fingerprint.key)
            if one.filter is None and key not in final and key not in missing:
                known = _final.get(key)
                if known is None:
                    missing[key] = one
                else:
                    final[key] = known
    if missing:
        found = _resolve(missing)
        final |= found
        transaction.on_commit(lambda: _remember(found))
    for of_batch in seen:
        owner = of_batch.batch.organisation_id
        of_batch.keys = {
            index: final[owner, one.fingerprint.key] for index, one in of_batch.sightings.items() if one.filter is None
        }


def count_full() -> int:
    """Return how many organisations have no room for another group now. Raises: `DatabaseError`."""
    [(organisations,)] = fetch_binary(COUNT_FULL, [])
    return int(organisations)


def forget() -> None:
    """Forget which fingerprints there are."""
    _final.clear()


def make_anew(missing: dict[Key, Fingerprint]) -> None:
    """Make fingerprints again that were forgotten since they were looked up: their entries carry the keys already."""
    for forgotten in missing:
        _final.forget(forgotten)
    rooms = _hold({owner for owner, _ in missing})
    known = _known(missing)
    new = []
    for (owner, key), one in sorted(missing.items()):
        if (owner, key) not in known:
            rooms[owner].add()
            new.append(_New(owner, one.that_has(key), number=rooms[owner].last_number))
    _make(new, rooms)


def _remember(found: dict[Key, int]) -> None:
    for key, final in found.items():
        _final.put(key, final)


def _resolve(missing: dict[Key, Sighting]) -> dict[Key, int]:
    known = _known(_of_their_own(missing))
    final = {key: key[1] for key in missing if key in known}
    left = {key: one for key, one in missing.items() if key not in known}
    if not left:
        return final
    full = {row[0] for row in fetch_binary(ROOM, [list({key[0] for key in left})], prepare=True)}
    if full:
        final |= _beyond({key: one for key, one in left.items() if key[0] in full}, known)
        left = {key: one for key, one in left.items() if key not in final}
    return final | _made(left) if left else final


def _beyond(missing: dict[Key, Sighting], known: dict[Key, int]) -> dict[Key, int]:
    """Return where errors are counted for which there is no room; without those for which that is yet to be made."""
    left = {
        key: one.fingerprint.fallbacks
        for key, one in missing.items()
        if one.former is None or (key[0], one.former.key) not in known  # such a one joins its former group
    }
    places = _known({(key[0], place) for key, fallbacks in left.items() for place in fallbacks})
    found = {}
    for key, fallbacks in left.items():
        for place in fallbacks:
            if (key[0], place) in places:
                found[key] = place
                break
    return found


def _of_their_own(missing: dict[Key, Sighting]) -> set[Key]:
    """Return the keys that errors have, and had before a change of how they are grouped."""
    return {*missing, *((key[0], one.former.key) for key, one in missing.items() if one.former)}


def _candidates(missing: dict[Key, Sighting]) -> set[Key]:
    """Return all keys that errors may be counted under."""
    fallbacks = {(key[0], place) for key, one in missing.items() for place in one.fingerprint.fallbacks}
    return _of_their_own(missing) | fallbacks


def _known(keys: Collection[Key]) -> dict[Key, int]:
    """Return the groups of those fingerprints that there are."""
    if not keys:
        return {}
    columns = [array_of(column) for column in zip(*keys, strict=True)]
    return {(owner, key): group for owner, key, group in fetch_binary(KNOWN, columns, prepare=True)}


def _hold(organisation_ids: Iterable[int]) -> dict[int, _Room]:
    rows = fetch_binary(HOLD, [sorted(organisation_ids)], prepare=True)
    return {organisation_id: _Room(*room) for organisation_id, *room in rows}


def _made(missing: dict[Key, Sighting]) -> dict[Key, int]:
    """Make what is missing, as far as there is room; return the final keys."""
    maker = _Maker(missing)
    final = {key: maker.place(key[0], missing[key]) for key in sorted(missing)}
    _make(maker.new, maker.rooms)
    return final


@dataclass(slots=True)
class _Maker:
    """Decides, with the allowances held, what becomes of errors that are of no fingerprint yet."""

    missing: dict[Key, Sighting]
    rooms: dict[int, _Room] = field(init=False)
    known: dict[Key, int] = field(init=False)
    siblings: dict[Key, int] = field(init=False)
    overflows: dict[int, int] = field(default_factory=dict)
    new: list[_New] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rooms = _hold({organisation_id for organisation_id, _ in self.missing})
        self.known = _known(_candidates(self.missing))  # also what others have made since
        parents = {
            (organisation_id, key_of(one.fingerprint.parent))
            for (organisation_id, _), one in self.missing.items()
            if one.fingerprint.parent
        }
        self.siblings = defaultdict(int)
        if parents:
            columns = [list(column) for column in zip(*parents, strict=True)]
            self.siblings.update({(owner, parent): n for owner, parent, n in fetch_binary(SIBLINGS, columns)})

    def place(self, owner: int, one: Sighting) -> int:
        """Return the key under which an error is counted, and note what is to be made for that."""
        fingerprint = one.fingerprint
        if (owner, fingerprint.key) in self.known:
            return fingerprint.key
        if one.former and (group := self.known.get((owner, one.former.key))):
            return self._note(owner, fingerprint, group_id=group)
        parent = key_of(fingerprint.parent) if fingerprint.parent else None
        if parent is not None and self.siblings[owner, parent] >= MOST_SIBLINGS:
            fingerprint = fingerprint.of_all_siblings()
        if (owner, fingerprint.key) in self.known:
            return fingerprint.key
        if self.rooms[owner].take():
            if parent is not None:
                self.siblings[owner, parent] += 1
            return self._note(owner, fingerprint, number=self.rooms[owner].last_number)
        return self._overflow(owner, fingerprint.project)

    def _overflow(self, owner: int, project: str) -> int:
        fingerprint = overflow(project)
        if (owner, fingerprint.key) not in self.known and self._overflows(owner) >= MOST_OVERFLOWS:
            fingerprint = overflow("")
        if (owner, fingerprint.key) not in self.known:
            self.overflows[owner] = self._overflows(owner) + 1
            self.rooms[owner].add()
            self._note(owner, fingerprint, number=self.rooms[owner].last_number)
        return fingerprint.key

    def _overflows(self, owner: int) -> int:
        if owner not in self.overflows:
            [(self.overflows[owner],)] = fetch_binary(OVERFLOWS, [owner])
        return self.overflows[owner]

    def _note(
        self, owner: int, fingerprint: Fingerprint, *, group_id: int | None = None, number: int | None = None
    ) -> int:
        self.known[owner, fingerprint.key] = group_id or 0
        self.new.append(_New(owner, fingerprint, group_id, number))
        return fingerprint.key


def _make(new: Sequence[_New], rooms: dict[int, _Room]) -> None:
    """Write new fingerprints and groups, their first turns, and what is left of the allowances."""
    if not new:
        return
    rows = [_row(one) for one in new]
    parameters: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    parameters["owners"] = sorted(rooms)
    for name in ("made", "alive", "last_number"):
        parameters[f"rooms_{name}"] = [getattr(rooms[owner], name) for owner in sorted(rooms)]
    execute_prepared(MAKE, parameters)
    metrics.GROUPS_MADE.inc(sum(one.group_id is None for one in new))


def _row(one: _New) -> dict[str, Any]:
    fingerprint = one.fingerprint
    return {
        "organisation_ids": one.organisation_id,
        "keys": fingerprint.key,
        "digests": fingerprint.digest,
        "versions": fingerprint.version,
        "projects": fingerprint.project,
        "parents": key_of(fingerprint.parent) if fingerprint.parent else None,
        "bases": "\x1f".join(fingerprint.basis),
        "group_ids": one.group_id,
        "numbers": one.number,
        "types": fingerprint.type,
        "titles": fingerprint.title[:MOST_OF_TITLE],
        "culprits": fingerprint.culprit[:MOST_OF_TITLE],
        "overflows": fingerprint.basis[0] == OVERFLOW,
    }
