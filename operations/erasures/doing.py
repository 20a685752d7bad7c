"""What becomes of entries, stored or dead: those that are sought go, or all are scrubbed by today's rules."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import MsgspecError

from explore.sought import Sought
from issues.erasing import take_back
from operations.erasures.life import read
from operations.erasures.scrubbed import scrub_letter, scrub_stored
from operations.models import Erasure
from privacy.policies import rules_now
from privacy.scrubbing import Scrubber
from storage import erasing
from storage.batch import Batch
from storage.conditions import EVERYTHING, Condition
from storage.erasing import Taken
from storage.found import FoundEntry, entries_in
from storage.store import Place


class Erasing:
    """What becomes of entries that a query finds, or a value stands in: they go."""

    def __init__(self, sought: Sought) -> None:
        self.sought = sought
        self.condition: Condition = sought.condition
        self.found: Counter[str] = Counter()

    def of_letter(self, batch: Batch) -> Sequence[bytes | None]:
        """Return what is left of a dead letter's lines."""
        return [None if self._is_meant(batch.only([n])) else line for n, line in enumerate(batch.lines)]

    def _is_meant(self, alone: Batch) -> bool:
        """Tell whether a batch of one line is meant; what is no entry is looked at as a text."""
        try:
            return self.sought.fits_unstored(entries_in(alone)[0])
        except MsgspecError:
            return self.sought.wanted.is_in(alone.lines[0].decode(errors="replace"))

    def of_places(self, organisation_id: int, places: Sequence[Place], note: Callable[[Taken], None]) -> None:
        """Erase what is meant at these places."""
        erasing.erase(organisation_id, places, self.condition, fits=self.sought.fits, uncount=take_back, note=note)

    def count(self, entries: Iterable[FoundEntry]) -> int:
        """Count those of stored entries that are meant."""
        return sum(map(self.sought.fits, entries))

    def of_recording(self, entries: Sequence[FoundEntry]) -> dict[int, FoundEntry | None]:
        """Return what becomes of entries that were recorded: those that are meant go."""
        return {entry.id: None for entry in entries if self.sought.fits_unstored(entry)}

    def cut_from(self, text: str) -> str:
        """Return what is left of a text."""
        return self.sought.wanted.cut_from(text)


class Scrubbing:
    """What becomes of entries by today's rules."""

    condition: Condition = EVERYTHING
    sought = None

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self.found: Counter[str] = Counter()

    def of_letter(self, batch: Batch) -> Sequence[bytes | None]:
        """Return a dead letter's lines, scrubbed."""
        return scrub_letter(batch, self._scrubber, self.found)

    def of_places(self, organisation_id: int, places: Sequence[Place], note: Callable[[Taken], None]) -> None:
        """Scrub what is stored at these places."""
        erasing.rewrite(organisation_id, places, change=self.changed, note=note)

    def changed(self, entries: Sequence[FoundEntry]) -> list[FoundEntry]:
        """Return those of `entries` that the rules change, changed."""
        return scrub_stored(entries, self._scrubber, self.found)

    def count(self, entries: Iterable[FoundEntry]) -> int:
        """Count those of stored entries that would change."""
        return len(self.changed(list(entries)))

    def of_recording(self, entries: Sequence[FoundEntry]) -> dict[int, FoundEntry | None]:
        """Return what becomes of entries that were recorded."""
        return {entry.id: entry for entry in self.changed(entries)}

    def cut_from(self, text: str) -> str:
        """Return a text as it is."""
        return text


Doing = Erasing | Scrubbing


def doing_of(kind: str, wanted: str, organisation_id: int) -> Doing:
    """Return what an erasure of this kind does. Raises: `ErasureError`, `OperationalError`."""
    if kind == Erasure.Kind.RULES:
        return Scrubbing(Scrubber(rules_now(organisation_id)))
    return Erasing(read(kind, wanted, organisation_id))
