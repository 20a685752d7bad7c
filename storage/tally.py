"""What entries are counted by in the rollups: the minutes of receipt and of the event, level, project, environment."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from msgspec import Struct, json

from foundation.levels import BY_NAME, LevelName
from storage.batch import Batch

#: Where the minute of an event stands in a canonical line, which begins with its time in UTC.
MINUTE = slice(len('{"timestamp":"'), len('{"timestamp":"2026-01-26T14:30'))

#: The minute of the event as its line has it, the level's number, project and environment.
Kind = tuple[bytes, int, str, str]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries of each kind organisations sent in each minute of receipt."""

    counts: dict[tuple[int, datetime], Counter[Kind]] = field(default_factory=dict)

    def of(self, organisation_id: int, received_at: datetime) -> Counter[Kind]:
        """Return the counts of what an organisation sent in this minute, to be added to."""
        return self.counts.setdefault((organisation_id, received_at.replace(second=0, microsecond=0)), Counter())

    def add(self, other: "Tally") -> None:
        """Add the counts of another one."""
        for key, counts in other.counts.items():
            self.of(*key).update(counts)

    def on(self, days: Collection[tuple[int, date]]) -> "Tally":
        """Return the counts of these organisations' days of receipt."""
        kept = set(days)
        return Tally({key: counts for key, counts in self.counts.items() if _day_of(*key) in kept})

    def days(self) -> list[tuple[int, date]]:
        """Return the organisations and their days of receipt (UTC), in order."""
        return sorted({_day_of(*key) for key in self.counts})

    def rows(self) -> Iterable[tuple[int, datetime, str, int, str, str, int]]:
        """Yield organisation, minute of receipt, minute of the event, level, project, environment and entries."""
        for (organisation_id, received), counts in self.counts.items():
            for (minute, level, project, environment), entries in counts.items():
                yield organisation_id, received, f"{minute.decode()}Z", level, project, environment, entries


def _day_of(organisation_id: int, minute: datetime) -> tuple[int, date]:
    return organisation_id, minute.astimezone(UTC).date()


class _Counted(Struct):
    """Of a canonical line, what it is counted by beside its minute."""

    level: LevelName
    environment: str | None = None
    project_id: str | None = None


_decode = json.Decoder(_Counted).decode


def tally_of(batches: Iterable[Batch]) -> Tally:
    """Count batches as a store does that has written them. Raises: `msgspec.MsgspecError`."""
    tally = Tally()
    for batch in batches:
        tally.of(batch.organisation_id, batch.received_at).update(_kind(batch, line) for line in batch.lines)
    return tally


def _kind(batch: Batch, line: bytes) -> Kind:
    entry = _decode(line)
    environment = batch.environment if entry.environment is None else entry.environment
    project = batch.project if entry.project_id is None else entry.project_id
    return line[MINUTE], BY_NAME[entry.level].value, project, environment
