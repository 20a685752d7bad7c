"""What a project's entries have always had, and the moment at which they have it no longer: pure, a sample at a time.

A *type* is kept by a field once it had no other in a hundred samples in a row; it drifts when another type is more than
a twentieth of the last hundred. A *field* is kept once it was there for a week in nearly all entries of the messages
that have it; it is missing when two hundred of those in a row are without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct
from msgspec import field as default

from storage.fields.sampling import NULL, OBJECT, Sample

#: Fields of a project.
MOST_FIELDS = 500
#: A field has a type after so many samples of it in a row; another one is drift beyond so many of the last hundred.
SETTLED_AFTER, LAST, MOST_ODD = 100, 100, 5
#: A field is kept that was known for so long, there so often, and in so large a part; it is missing after so many.
KEPT_FOR_DAYS, LEAST_PRESENT, PRESENT_PERCENT, MISSING_AFTER = 7, 100, 95, 200
#: Of a field: messages that have it.
MOST_TEMPLATES = 32
DAYS_KEPT = 8
DAY = 86_400

ABSENT = "!"


class Odd(Struct, array_like=True, gc=False):
    """A sample of another type than the field has: the how manieth it was, and of what entry."""

    number: int
    type: str
    entry_id: int
    at: int
    environment: str


class Memory(Struct, omit_defaults=True):
    """What is remembered of a field to decide on the next sample; `days` has how often it had which type, by day."""

    type: str = ""
    samples: int = 0
    run_type: str = ""
    run: int = 0
    odd: list[Odd] = default(default_factory=list)
    templates: list[int] = default(default_factory=list)
    #: Samples in a row without it, and the first of them; they count as a day's when it is there again.
    absent: int = 0
    absent_since: Odd | None = None
    is_missing: bool = False
    days: dict[int, dict[str, int]] = default(default_factory=dict)


@dataclass(slots=True)
class Field:
    """A path that entries of a project have; `first_at` and `last_at` are seconds since 1970, of receipt."""

    path: str
    first_at: int
    first_entry: int
    last_at: int = 0
    last_entry: int = 0
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A field has another type than it had, or is missing; since this entry."""

    path: str
    what: Literal["type", "missing"]
    was: str
    became: str
    entry_id: int
    at: int
    environment: str


class Contract:
    """The fields of one project, as they were learnt; `changed` are the paths that differ from what was read."""

    def __init__(self, fields: dict[str, Field]) -> None:
        self.fields = fields
        self.changed: set[str] = set()
        self._carriers: dict[int, set[str]] = {}
        for path, one in fields.items():
            for template in one.memory.templates:
                self._carriers.setdefault(template, set()).add(path)

    def learn(self, sample: Sample) -> list[Drift]:
        """Take a sample in; return what has drifted with it."""
        drifts = [one for path, kind in sample.types.items() if (one := self._seen(path, kind, sample))]
        carried = self._carriers.get(sample.template, ())
        missed = sorted(path for path in carried if path not in sample.types and self._is_missed(path, sample))
        return drifts + [one for path in missed if (one := self._missed(path, sample))]

    def _seen(self, path: str, kind: str, sample: Sample) -> Drift | None:
        one = self.fields.get(path)
        if one is None:
            if len(self.fields) >= MOST_FIELDS:
                return None
            one = self.fields[path] = Field(path, sample.at, sample.entry_id)
        self.changed.add(path)
        one.last_at, one.last_entry = max(one.last_at, sample.at), max(one.last_entry, sample.entry_id)
        memory = one.memory
        if memory.absent:
            _count(memory, ABSENT, sample.at, times=memory.absent)
            memory.absent, memory.absent_since, memory.is_missing = 0, None, False
        _count(memory, kind, sample.at)
        self._note_template(path, memory, sample.template)
        return None if kind == NULL else _typed(path, memory, kind, sample)

    def _note_template(self, path: str, memory: Memory, template: int) -> None:
        if template in memory.templates:
            return
        memory.templates.append(template)
        self._carriers.setdefault(template, set()).add(path)
        if len(memory.templates) > MOST_TEMPLATES:
            self._carriers[memory.templates.pop(0)].discard(path)

    def _is_missed(self, path: str, sample: Sample) -> bool:
        """Tell whether the path itself is missing, and not only what it lies in."""
        parent = path.rpartition(".")[0]
        return parent not in self.fields or sample.types.get(parent) == OBJECT

    def _missed(self, path: str, sample: Sample) -> Drift | None:
        self.changed.add(path)
        one = self.fields[path]
        memory = one.memory
        memory.absent += 1
        if memory.absent_since is None:
            memory.absent_since = Odd(memory.samples, ABSENT, sample.entry_id, sample.at, sample.environment)
        if memory.is_missing or memory.absent < MISSING_AFTER or not _was_kept(one):
            return None
        memory.is_missing = True
        since = memory.absent_since
        return Drift(
            path=path, what="missing", was=memory.type, became="", entry_id=since.entry_id, at=since.at,
            environment=since.environment,
        )  # fmt: skip


def _typed(path: str, memory: Memory, kind: str, sample: Sample) -> Drift | None:
    memory.samples += 1
    memory.run = memory.run + 1 if kind == memory.run_type else 1
    memory.run_type = kind
    if not memory.type:
        if memory.run >= SETTLED_AFTER:
            memory.type, memory.odd = kind, []
        return None
    if kind == memory.type and not memory.odd:
        return None
    memory.odd = [one for one in memory.odd if one.number > memory.samples - LAST]
    if kind == memory.type:
        return None
    memory.odd.append(Odd(memory.samples, kind, sample.entry_id, sample.at, sample.environment))
    like = [one for one in memory.odd if one.type == kind]
    if len(like) <= MOST_ODD:
        return None
    was, memory.type, memory.odd = memory.type, "", []
    return Drift(
        path=path, what="type", was=was, became=kind, entry_id=like[0].entry_id, at=like[0].at,
        environment=like[0].environment,
    )  # fmt: skip


def _was_kept(one: Field) -> bool:
    """Tell whether a field was there for a week, before it was absent, in nearly all entries that could have it."""
    memory = one.memory
    if memory.absent_since is None or memory.absent_since.at - one.first_at < KEPT_FOR_DAYS * DAY:
        return False
    absent = sum(kinds.get(ABSENT, 0) for kinds in memory.days.values())
    present = sum(_all(memory.days)) - absent
    return present >= LEAST_PRESENT and present * 100 > PRESENT_PERCENT * (present + absent)


def _count(memory: Memory, kind: str, at: int, *, times: int = 1) -> None:
    """Add to the day's counts; days beyond the newest eight go."""
    day = at // DAY
    if day not in memory.days:
        memory.days[day] = {}
        for old in sorted(memory.days)[:-DAYS_KEPT]:
            del memory.days[old]
    if day in memory.days:
        memory.days[day][kind] = memory.days[day].get(kind, 0) + times


def _all(days: dict[int, dict[str, int]]) -> Iterator[int]:
    return (count for kinds in days.values() for count in kinds.values())
