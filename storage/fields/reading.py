"""Which fields the entries of an organisation are known to have: for whoever asks for them, behind the wall."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from storage import wall
from storage.fields.contract import ABSENT, Memory
from storage.fields.sampling import BOOLEAN, LIST, NULL, NUMBER, OBJECT, TEXT
from storage.wall import ALIAS

#: As the read API names types.
NAMES = {TEXT: "string", NUMBER: "number", BOOLEAN: "boolean", LIST: "array", OBJECT: "object", NULL: "null"}
#: Of all projects, those that were seen last.
MOST_READ = 2_000

KNOWN = f"""
SELECT path, first_at, last_at, memory FROM {wall.FIELDS}
 WHERE organisation_id = %s AND last_at >= %s ORDER BY last_at DESC, path LIMIT %s
"""  # noqa: S608 - constants

_memory = msgspec.msgpack.Decoder(Memory).decode


@dataclass(frozen=True, slots=True)
class KnownField:
    """A path of metadata, its types, the most frequent first, how many percent of entries had it, and since when.

    The part is of the entries of those messages that have it at all; of the last eight days with a sample.
    """

    path: str
    types: tuple[str, ...]
    percent: int
    first_at: datetime
    last_at: datetime


def known(organisation_id: int, *, since: datetime) -> list[KnownField]:
    """Return the fields that were seen since then, those that were seen most often first."""
    with wall.behind([organisation_id], using=ALIAS) as cursor:
        cursor.execute(KNOWN, [organisation_id, since, MOST_READ])
        rows = [(path, first, last, _memory(bytes(memory))) for path, first, last, memory in cursor.fetchall()]
    return list(_together(rows))


def _together(rows: Sequence[tuple[str, datetime, datetime, Memory]]) -> Iterator[KnownField]:
    """Yield what projects know of the same path as one."""
    of_path: dict[str, list[tuple[str, datetime, datetime, Memory]]] = {}
    for row in rows:
        of_path.setdefault(row[0], []).append(row)
    counts = {path: _counts(memory for *_, memory in found) for path, found in of_path.items()}
    for path, seen in sorted(counts.items(), key=lambda item: (item[1][ABSENT] - item[1].total(), item[0])):
        found, absent = of_path[path], seen.pop(ABSENT, 0)
        if types := tuple(NAMES[kind] for kind, _ in seen.most_common() if kind in NAMES):
            yield KnownField(
                path=path,
                types=types,
                percent=100 * seen.total() // (seen.total() + absent),
                first_at=min(first for _, first, _, _ in found),
                last_at=max(last for _, _, last, _ in found),
            )


def _counts(memories: Iterator[Memory]) -> Counter[str]:
    counts: Counter[str] = Counter({ABSENT: 0})
    for memory in memories:
        counts[ABSENT] += memory.absent
        for kinds in memory.days.values():
            counts.update(kinds)
    return counts
