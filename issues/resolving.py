"""Which group an error belongs to: known fingerprints, or new ones as far as there is room. Final before it is stored.

Whoever makes groups of an organisation holds its allowance until the transaction ends; who finds all known, nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from foundation.postgres import array_of, fetch_binary
from foundation.recent import Recent
from issues.allowance import MOST_OVERFLOWS, MOST_SIBLINGS, Room, full_ones, hold
from issues.fingerprint import Fingerprint, key_of, overflow
from issues.making import New, make
from issues.sightings import OfBatch, Sighting

#: This process remembers for so long which fingerprints there are.
KNOWN_SECONDS = 60
CAPACITY = 50_000
Key = tuple[int, int]

KNOWN = """
SELECT organisation_id, key, group_id
  FROM issues_fingerprint JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(organisation_id, key)
       USING (organisation_id, key)
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

_final: Recent[Key, int] = Recent(capacity=CAPACITY, seconds=KNOWN_SECONDS)


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


def forget() -> None:
    """Forget which fingerprints there are."""
    _final.clear()


def make_anew(missing: dict[Key, Fingerprint]) -> None:
    """Make fingerprints again that were forgotten since they were looked up: their entries carry the keys already."""
    for forgotten in missing:
        _final.forget(forgotten)
    rooms = hold({owner for owner, _ in missing})
    known = _known(missing)
    new = []
    for (owner, key), one in sorted(missing.items()):
        if (owner, key) not in known:
            rooms[owner].add()
            new.append(New(owner, one.that_has(key), number=rooms[owner].last_number))
    make(new, rooms)


def _remember(found: dict[Key, int]) -> None:
    for key, final in found.items():
        _final.put(key, final)


def _resolve(missing: dict[Key, Sighting]) -> dict[Key, int]:
    known = _known(_of_their_own(missing))
    final = {key: key[1] for key in missing if key in known}
    left = {key: one for key, one in missing.items() if key not in known}
    if not left:
        return final
    full = full_ones({key[0] for key in left})
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


def _made(missing: dict[Key, Sighting]) -> dict[Key, int]:
    """Make what is missing, as far as there is room; return the final keys."""
    maker = _Maker(missing)
    final = {key: maker.place(key[0], missing[key]) for key in sorted(missing)}
    make(maker.new, maker.rooms)
    return final


@dataclass(slots=True)
class _Maker:
    """Decides, with the allowances held, what becomes of errors that are of no fingerprint yet."""

    missing: dict[Key, Sighting]
    rooms: dict[int, Room] = field(init=False)
    known: dict[Key, int] = field(init=False)
    siblings: dict[Key, int] = field(init=False)
    overflows: dict[int, int] = field(default_factory=dict)
    new: list[New] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rooms = hold({organisation_id for organisation_id, _ in self.missing})
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
        self.new.append(New(owner, fingerprint, group_id, number))
        return fingerprint.key
