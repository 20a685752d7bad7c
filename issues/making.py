"""New fingerprints and their groups, as they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation import statements
from foundation.postgres import execute_prepared
from issues import metrics
from issues.allowance import Room
from issues.fingerprint import OVERFLOW, Fingerprint, key_of

MOST_OF_TITLE = 250
MAKE = statements.read(__file__, "make_groups")


@dataclass(slots=True)
class New:
    """A fingerprint to be made; in a group that is known, or in one of its own with this number."""

    organisation_id: int
    fingerprint: Fingerprint
    group_id: int | None = None
    number: int | None = None


def make(new: Sequence[New], rooms: Mapping[int, Room]) -> None:
    """Write new fingerprints and groups, their first turns, and what is left of the allowances.

    Raises: `DatabaseError`.
    """
    if not new:
        return
    rows = [_row(one) for one in new]
    parameters: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    parameters["owners"] = sorted(rooms)
    for name in ("made", "alive", "last_number"):
        parameters[f"rooms_{name}"] = [getattr(rooms[owner], name) for owner in sorted(rooms)]
    execute_prepared(MAKE, parameters)
    metrics.GROUPS_MADE.inc(sum(one.group_id is None for one in new))


def _row(one: New) -> dict[str, Any]:
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
